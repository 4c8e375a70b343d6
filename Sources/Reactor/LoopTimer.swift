/// A deadline that can be moved cheaply: pushing it back, as an idle timeout does with every byte, only stores the new
/// time; the wheel finds out when the old one comes.
@WorkerActor public final class LoopTimer {
    private let loop: EventLoop
    private let action: @WorkerActor () -> Void
    private let slot: TimerSlots.Slot
    /// `TimerWheel.Identifier.none` while nothing of the timer is in the wheel.
    private var identifier = TimerWheel.Identifier.none
    private var wheelDeadline: UInt64 = 0
    /// When it is due; `never` while it is not armed. Plain numbers: a connection has a timer, and each byte counts.
    private var due = LoopTimer.never

    private static let never = UInt64.max

    /// When it is due, nanoseconds on the loop's clock; nil when not armed.
    public var deadline: UInt64? { due == Self.never ? nil : due }

    /// - Parameter action: called on the loop when the deadline has come. It must not retain the timer's owner strongly
    ///   unless the owner cancels the timer.
    public init(loop: EventLoop, _ action: @escaping @WorkerActor () -> Void) {
        self.loop = loop
        self.action = action
        slot = loop.timerSlots.take()
        loop.timerSlots.occupy(slot, self)
    }

    deinit {
        if identifier != .none { loop.wheel.cancel(identifier, datum: slot.datum) }
        // A deadline that has just been taken from the wheel finds the slot's generation changed and means nobody.
        loop.timerSlots.free(slot)
    }

    /// Whether a deadline is set.
    public var isArmed: Bool { due != Self.never }

    /// Arms the timer, or moves it, to `deadline`.
    public func schedule(at deadline: UInt64) {
        due = min(deadline, Self.never - 1)
        if identifier != .none {
            guard deadline < wheelDeadline else { return }
            loop.wheel.cancel(identifier)
        }
        insert(deadline)
    }

    /// Arms the timer to `nanoseconds` from now.
    public func schedule(after nanoseconds: UInt64) {
        schedule(at: loop.now &+ nanoseconds)
    }

    /// Disarms the timer.
    public func cancel() {
        due = Self.never
    }

    private func insert(_ deadline: UInt64) {
        wheelDeadline = deadline
        identifier = loop.wheel.insert(deadline: deadline, datum: slot.datum)
    }

    fileprivate func wheelExpired(now: UInt64) {
        identifier = .none
        guard due != Self.never else { return }
        guard due <= now else {
            insert(due)
            return
        }
        due = Self.never
        action()
    }
}

/// Where the wheel's data lead: a slot a timer, with a generation so that a freed timer is never called.
struct TimerSlots {
    struct Slot {
        let index: UInt32
        let generation: UInt32

        var datum: UInt64 { UInt64(generation) << 32 | UInt64(index) }
    }

    // Safety: unretained; a timer leaves its slot in `deinit`.
    private var timers: [Unmanaged<LoopTimer>?] = []
    private var generations: [UInt32] = []
    private var unused: [UInt32] = []

    mutating func take() -> Slot {
        if let index = unused.popLast() { return Slot(index: index, generation: generations[Int(index)]) }
        timers.append(nil)
        generations.append(0)
        return Slot(index: UInt32(timers.count - 1), generation: 0)
    }

    mutating func occupy(_ slot: Slot, _ timer: LoopTimer) {
        timers[Int(slot.index)] = .passUnretained(timer)
    }

    mutating func free(_ slot: Slot) {
        timers[Int(slot.index)] = nil
        generations[Int(slot.index)] &+= 1
        unused.append(slot.index)
    }

    func timer(_ datum: UInt64) -> LoopTimer? {
        let index = Int(UInt32(truncatingIfNeeded: datum))
        guard generations[index] == UInt32(truncatingIfNeeded: datum >> 32) else { return nil }
        return timers[index]?.takeUnretainedValue()
    }
}

extension EventLoop {
    /// Hands expired deadlines to their timers.
    @WorkerActor func expireTimers() {
        wheel.advance(to: now)
        while let datum = wheel.takeExpired() {
            timerSlots.timer(datum)?.wheelExpired(now: now)
        }
    }
}
