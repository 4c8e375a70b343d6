import Glibc
import LuaRuntime
import Reactor

/// `heddle-micro lua-bounds FILE`: what the bounds of scripts come to in a release build. Prints each figure with what it
/// must not pass, and ends with 1 if one does.
struct LuaBounds {
    private let bombs: [Bomb]
    private var failures = 0

    init(_ bombs: [Bomb]) { self.bombs = bombs }

    /// - Returns: what the process is to end with.
    static func run(_ path: String) -> Int32 {
        let bombs = Bomb.read(path)
        guard !bombs.isEmpty else {
            print("\(path): no scripts")
            return 2
        }
        EventLoop.process.adopt()
        var bounds = LuaBounds(bombs)
        do {
            // Memory first: what has been freed by then would be taken again and not be seen.
            try bounds.measureStates()
            try bounds.measureKills()
            try bounds.measureMemoryOfKills()
            try WorkerActor.enter { try bounds.measureWorker() }
        } catch {
            print("\(error)")
            return 2
        }
        return bounds.failures == 0 ? 0 : 1
    }

    /// One line of the table.
    mutating func say(_ name: String, _ value: Double, _ unit: String, most: Double? = nil, _ note: String = "") {
        let isMissed = most.map { value > $0 } ?? false
        if isMissed { failures += 1 }
        let bound = most.map { " (at most \(Self.rounded($0)))" } ?? ""
        print("\(isMissed ? "MISSED " : "")\(name): \(Self.rounded(value)) \(unit)\(bound)\(note.isEmpty ? "" : ", \(note)")")
    }

    private static func rounded(_ value: Double) -> String {
        let hundredths = Int((abs(value) * 100).rounded())
        let fraction = hundredths % 100
        let sign = value < 0 && hundredths > 0 ? "-" : ""
        if fraction == 0 { return "\(sign)\(hundredths / 100)" }
        return "\(sign)\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction % 10 == 0 ? fraction / 10 : fraction)"
    }

    // MARK: Kills and slices

    /// As a filter has them when it says nothing.
    private static let cpuTime = 5_000.0
    private static let limits = LuaLimits(fuel: .max / 2, cpuTime: .milliseconds(5), timeSlice: .microseconds(250))
    private static let runsABomb = 20

    private mutating func measureKills() throws {
        var late = Series()
        var slices = Series()
        var latest = (name: "", microseconds: 0.0)
        var longest = (name: "", microseconds: 0.0)
        for bomb in bombs {
            var lateness = Series()
            for _ in 0..<Self.runsABomb {
                let run = try Self.explode(bomb)
                lateness.add(run.total - Self.cpuTime)
                for slice in run.slices { slices.add(slice) }
                if let slice = run.slices.max(), slice > longest.microseconds { longest = (bomb.name, slice) }
            }
            for value in lateness.values { late.add(value) }
            if lateness.worst > latest.microseconds { latest = (bomb.name, lateness.worst) }
        }
        print("\(bombs.count) scripts that do not end, each \(Self.runsABomb) times, cpu_time 5 ms, time_slice 0.25 ms; CPU time of the thread")
        say("killed after the deadline, median", late.quantile(0.5), "µs")
        say("killed after the deadline, 99 %", late.quantile(0.99), "µs", most: 2_000)
        say("killed after the deadline, worst", late.worst, "µs", most: 2_000, latest.name)
        say("time slice, median", slices.quantile(0.5), "µs")
        say("time slice, 99 %", slices.quantile(0.99), "µs", most: 1_000)
        say("time slice, longest of \(slices.values.count)", slices.worst, "µs", longest.name)
    }

    private struct NotKilled: Error, CustomStringConvertible {
        let description: String
    }

    private static func explode(_ bomb: Bomb) throws -> (total: Double, slices: [Double]) {
        let state = try makeState("function main()\n\(bomb.body)\nend", limits)
        guard let main = state.function(named: "main") else { throw NotKilled(description: "\(bomb.name): no function") }
        var run = state.makeRun()
        var slices: [Double] = []
        var before = Meter.microseconds
        var outcome = run.start(main)
        slices.append(Meter.microseconds - before)
        while outcome == .sliced {
            before = Meter.microseconds
            outcome = run.goOn()
            slices.append(Meter.microseconds - before)
        }
        guard outcome == .killed(.deadline) else { throw NotKilled(description: "\(bomb.name): \(outcome)") }
        return (slices.reduce(0, +), slices)
    }

    static func makeState(_ source: String, _ limits: LuaLimits, _ trust: LuaTrust = .sandboxed) throws -> LuaState {
        try LuaState(
            program: try LuaProgram(source: source), limits: limits, trust: trust, environment: LuaEnvironment(seed: 1, now: { 0 }),
            globals: [.library("test", Sink.type, Sink())])
    }

    // MARK: Memory of kills

    private static let kills = 10_000

    private mutating func measureMemoryOfKills() throws {
        let program = try LuaProgram(
            source: "kept = {} function main() while true do kept[#kept + 1] = ('x'):rep(100) .. #kept end end")
        func kill() throws {
            let state = try LuaState(
                program: program, limits: LuaLimits(fuel: 50_000, cpuTime: .seconds(60)),
                environment: LuaEnvironment(seed: 1, now: { 0 }))
            guard let main = state.function(named: "main") else { throw NotKilled(description: "no function") }
            var run = state.makeRun()
            let outcome = run.start(main)
            guard outcome == .killed(.fuel) else { throw NotKilled(description: "\(outcome)") }
        }
        for _ in 0..<100 { try kill() }
        let before = Meter.kibibytes
        for _ in 0..<Self.kills { try kill() }
        say("growth by \(Self.kills) kills of states that hold some 100 KiB", Double(Meter.kibibytes - before), "KiB", most: 256)
    }
}

/// What some bombs call of the host's.
private final class Sink {
    static let type = LuaClass<Sink>("Sink", methods: [LuaMethod("emit") { _, call in call.fail("nothing is taken") }])
}
