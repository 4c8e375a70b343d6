import Reactor
import Testing

struct WorkerActorTests {
    @Test("the loop's owner enters, gets the result, and errors come out")
    func owner() async {
        await #expect(processExitsWith: .success) {
            struct Refusal: Error {}
            EventLoop.process.adopt()
            let answer = WorkerActor.enter { 42 }
            #expect(answer == 42)
            #expect(throws: Refusal.self) { try WorkerActor.enter { throw Refusal() } }
        }
    }

    @Test("nobody else enters")
    func stranger() async {
        await #expect(processExitsWith: .failure) { WorkerActor.enter {} }
    }
}
