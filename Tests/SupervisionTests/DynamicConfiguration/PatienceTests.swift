import Testing

@testable import Supervision

@Suite("What is waited for only so long, and who uses clusters")
struct PatienceTests {
    @Test("everything is waited for as long as everything else, from when it began")
    func order() {
        var patience = Patience<String>(time: 100)
        #expect(patience.next == nil)
        patience.begin("a", now: 0)
        patience.begin("b", now: 10)
        patience.begin("a", now: 50)
        #expect(patience.next == 100)
        #expect(patience.takeExpired(now: 99) == [])
        #expect(patience.takeExpired(now: 100) == ["a"])
        #expect(!patience.contains("a") && patience.contains("b"))
        #expect(patience.next == 110)
        #expect(patience.takeExpired(now: 1000) == ["b"])
        #expect(patience.next == nil)
    }

    @Test("what came is waited for no more, and begins anew when it is waited for again")
    func ended() {
        var patience = Patience<String>(time: 100)
        for (now, name) in [(0, "a"), (1, "b"), (2, "c")] { patience.begin(name, now: UInt64(now)) }
        patience.end("b")
        patience.end("b")
        #expect(patience.next == 100)
        patience.end("a")
        #expect(patience.next == 102)
        patience.begin("a", now: 50)
        #expect(Set(patience.items) == ["a", "c"])
        #expect(patience.takeExpired(now: 149) == ["c"])
        #expect(patience.takeExpired(now: 150) == ["a"])
        #expect(Array(patience.items) == [])
    }

    @Test("a cluster is used while a form in force names it")
    func users() {
        var users = ClusterUsers()
        users.admit(1, ["a", "b"])
        #expect(!users.isUsed("a"))
        users.activate(1)
        users.activate(1)
        users.admit(2, ["b"])
        #expect(users.isUsed("a") && users.isUsed("b"))
        users.activate(2)
        users.remove(1)
        #expect(!users.isUsed("a") && users.isUsed("b"))
        users.admit(3, ["a"])
        users.remove(3)
        users.remove(2)
        #expect(users == ClusterUsers())
    }
}
