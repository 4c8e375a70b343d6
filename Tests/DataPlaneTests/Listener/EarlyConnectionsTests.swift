import Testing

@testable import DataPlane

@Suite("Connections that come before their listener")
struct EarlyConnectionsTests {
    /// What comes of each connection that is to wait, all at once; their descriptors are counted from 0.
    private func waiting(_ listeners: [String]) -> (early: EarlyConnections, taken: [Bool]) {
        var early = EarlyConnections()
        var taken: [Bool] = []
        for (number, listener) in listeners.enumerated() {
            taken.append(early.wait(Int32(number), listener: listener, now: UInt64(number)))
        }
        return (early, taken)
    }

    @Test("each listener gets its own, in the order in which they came, once")
    func takes() {
        var early = waiting(["a", "b", "a"]).early
        let (first, again, next, other) = (early.take("a"), early.take("a"), early.next, early.take("b"))
        #expect(first == [0, 2] && again == [])
        #expect(next == 1 + EarlyConnections.patience)
        #expect(other == [1] && early.next == nil)
    }

    @Test("what waited in vain is given up when its time is over, and not before")
    func expires() {
        var early = waiting(["a", "a"]).early
        let before = early.takeExpired(now: EarlyConnections.patience - 1)
        let after = early.takeExpired(now: EarlyConnections.patience)
        let left = early.take("a")
        #expect(before == [] && after == [0] && left == [1])
    }

    @Test("as many wait as the bound says, and not one more")
    func bound() {
        var (early, taken) = waiting(Array(repeating: "a", count: EarlyConnections.maximum + 1))
        #expect(taken.dropLast().allSatisfy { $0 } && taken.last == false)
        let all = early.take("a")
        #expect(all.count == EarlyConnections.maximum)
    }
}
