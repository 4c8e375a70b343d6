import Testing
import TrafficPolicy

struct PriorityLoadTests {
    typealias Level = PriorityLoad.Level

    struct Case: Sendable {
        var levels: [Level]
        var healthy: [Int]
        var degraded: [Int]
        var panic: [Bool]
    }

    private static func level(_ healthy: Int, _ degraded: Int = 0, of total: Int = 100) -> Level {
        Level(total: total, healthy: healthy, degraded: degraded)
    }

    /// The first rows are the tables of Envoy's page "Priority levels".
    static let cases: [Case] = [
        Case(levels: [level(100), level(100)], healthy: [100, 0], degraded: [0, 0], panic: [false, false]),
        Case(levels: [level(72), level(72)], healthy: [100, 0], degraded: [0, 0], panic: [false, false]),
        Case(levels: [level(71), level(71)], healthy: [99, 1], degraded: [0, 0], panic: [false, false]),
        Case(levels: [level(50), level(50)], healthy: [70, 30], degraded: [0, 0], panic: [false, false]),
        Case(levels: [level(25), level(100)], healthy: [35, 65], degraded: [0, 0], panic: [false, false]),
        Case(levels: [level(0), level(100)], healthy: [0, 100], degraded: [0, 0], panic: [false, false]),
        // 35 + 35: not enough together, so each panics, and all panic by count.
        Case(levels: [level(25), level(25)], healthy: [50, 50], degraded: [0, 0], panic: [true, true]),
        // 7 + 84 < 100: the load is scaled up, and only the first level panics.
        Case(levels: [level(5), level(60)], healthy: [8, 92], degraded: [0, 0], panic: [true, false]),
        Case(levels: [level(0)], healthy: [100], degraded: [0], panic: [true]),
        Case(levels: [level(0), level(0, of: 300)], healthy: [25, 75], degraded: [0, 0], panic: [true, true]),
        Case(levels: [level(50)], healthy: [100], degraded: [0], panic: [false]),
        Case(levels: [level(49)], healthy: [100], degraded: [0], panic: [true]),
        Case(levels: [level(0, 100)], healthy: [0], degraded: [100], panic: [false]),
        Case(levels: [level(60, 40)], healthy: [84], degraded: [16], panic: [false]),
        Case(levels: [level(0, 50), level(50)], healthy: [0, 70], degraded: [30, 0], panic: [false, false]),
        Case(levels: [Level(), level(10, of: 10)], healthy: [0, 100], degraded: [0, 0], panic: [false, false]),
        Case(levels: [Level()], healthy: [100], degraded: [0], panic: [true]),
        Case(levels: [], healthy: [], degraded: [], panic: []),
    ]

    @Test("the load spreads over the priorities as Envoy's tables say", arguments: cases)
    func load(testCase: Case) {
        let load = PriorityLoad(levels: testCase.levels)
        #expect(load.healthy == testCase.healthy)
        #expect(load.degraded == testCase.degraded)
        #expect(load.isInPanic == testCase.panic)
    }

    @Test("a panic threshold of 0 turns panic off")
    func noPanic() {
        let load = PriorityLoad(levels: [Self.level(0), Self.level(1)], panicThreshold: 0)
        #expect(load.isInPanic == [false, false])
        #expect(load.healthy == [0, 100])
    }

    @Test("picks follow the shares exactly over 100 values in a row")
    func pick() {
        let load = PriorityLoad(levels: [Self.level(20, 10), Self.level(30)])
        var counts: [String: Int] = [:]
        for value in 0..<100 {
            let (priority, usesDegraded) = load.pick(UInt64(value))
            counts["\(priority)\(usesDegraded)", default: 0] += 1
        }
        #expect(load.healthy.reduce(0, +) + load.degraded.reduce(0, +) == 100)
        for index in 0..<2 {
            #expect(counts["\(index)false", default: 0] == load.healthy[index])
            #expect(counts["\(index)true", default: 0] == load.degraded[index])
        }
    }
}
