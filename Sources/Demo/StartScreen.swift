import Glibc

/// How far the start has come: in place on a terminal, else a line every few seconds.
struct StartScreen {
    private static let quietSeconds = 3.0
    /// A start that takes longer may take long for the page, so that this is said at once.
    private static let slowSeconds = 1.0
    private static let mostNames = 3

    private let write: (String) -> Void
    private let isTerminal: Bool
    private let watch = Stopwatch()
    private var last: RunningShop.Progress?
    private var nextLine = quietSeconds

    init(isTerminal: Bool = isatty(1) == 1, write: @escaping (String) -> Void) {
        self.isTerminal = isTerminal
        self.write = write
    }

    /// The state as a line, such as `17 of 29 ready, waiting for checkout, ad`.
    static func text(_ progress: RunningShop.Progress) -> String {
        let more = progress.missing.count > mostNames ? ", ..." : ""
        let names = progress.missing.prefix(mostNames).joined(separator: ", ")
        return "\(progress.ready) of \(progress.all) ready, waiting for \(names)\(more)"
    }

    private var isSlow: Bool { watch.seconds >= Self.slowSeconds }

    mutating func show(_ progress: RunningShop.Progress) {
        if isTerminal {
            if progress != last { write("\r\u{1b}[K" + Self.text(progress)) }
        } else if watch.seconds >= nextLine
            || (isSlow && progress.ready == progress.all && last?.ready != progress.ready)
        {
            write(Self.text(progress) + "\n")
            nextLine = watch.seconds + Self.quietSeconds
        }
        last = progress
    }

    /// Takes the line away.
    func clear() {
        if isTerminal, last != nil { write("\r\u{1b}[K") }
    }
}
