import DataPlane
import LuaRuntime
import Observability
import Reactor

/// Something whose state is replaced by a new one when it is dead: when the present turn of the loop is over, or at once if
/// it is needed before. Where none can be made it is tried again after a while, for each try costs what a run may cost.
@WorkerActor protocol LuaReplaceable: TurnEndHandler {
    var state: LuaState { get }
    var loop: EventLoop { get }
    var log: Log { get }
    /// Whose script it is, for messages.
    var title: String { get }
    /// Whether nobody will run it again.
    var isOff: Bool { get }
    var replacement: LuaReplacement { get set }
    /// Loads the script again, with the next seed.
    func makeAnew() throws(LuaError)
}

/// Where a ``LuaReplaceable`` stands.
struct LuaReplacement {
    /// Nanoseconds from one try to load a script again to the next.
    fileprivate static let retryInterval: UInt64 = 1_000_000_000

    fileprivate var isAsked = false
    /// When a script that could not be loaded is tried again, on the loop's clock.
    fileprivate var nextTry: UInt64 = 0
}

extension LuaReplaceable {
    var isOff: Bool { false }

    /// A run was killed: the state is of no use to the next one.
    func stateDied() {
        guard !replacement.isAsked else { return }
        replacement.isAsked = true
        loop.atTurnEnd(self)
    }

    func turnEnded() {
        replacement.isAsked = false
        replaceIfDead()
    }

    func replaceIfDead() {
        guard state.isDead, !isOff, loop.now >= replacement.nextTry else { return }
        do throws(LuaError) {
            try makeAnew()
        } catch {
            replacement.nextTry = loop.now + LuaReplacement.retryInterval
            log.error(.lua, "the script of \(title) cannot be loaded again: \(error)")
        }
    }
}

/// Runs that were ended within the last minute.
struct RecentKills {
    /// How long they count, in nanoseconds.
    static let window: UInt64 = 60_000_000_000

    private var times: [UInt64] = []

    /// - Parameter now: on the loop's clock.
    /// - Returns: how many there are, this one included.
    mutating func add(at now: UInt64) -> Int {
        times.removeAll { now - $0 > Self.window }
        times.append(now)
        return times.count
    }
}
