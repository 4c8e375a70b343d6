/// Notices a worker whose loop no longer turns. It counts looks, not time: when the whole machine slept, nobody is blamed.
package struct Watchdog: Equatable, Sendable {
    /// What to do after a look.
    package enum Verdict: Equatable, Sendable {
        case alive
        /// Half of the patience is used up; told once.
        case late
        /// Patience is used up: the process must end and leave a record of what it does.
        case abort
        /// It did not even do that.
        case kill
    }

    private let patience: Int
    private var lastBeat: UInt64 = 0
    private var looksWithoutBeat = 0

    /// - Parameter patience: looks without a new beat after which a worker must end; 0 never.
    package init(patience: Int) {
        self.patience = patience
    }

    /// A new process begins.
    package mutating func restarted() {
        lastBeat = 0
        looksWithoutBeat = 0
    }

    /// Looks at the worker's beat.
    package mutating func look(_ beat: UInt64) -> Verdict {
        guard beat == lastBeat else {
            lastBeat = beat
            looksWithoutBeat = 0
            return .alive
        }
        looksWithoutBeat += 1
        guard patience > 0 else { return .alive }
        if looksWithoutBeat > patience { return .kill }
        if looksWithoutBeat == patience { return .abort }
        return looksWithoutBeat == max(1, patience / 2) ? .late : .alive
    }
}
