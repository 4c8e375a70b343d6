import DataPlane
import Reactor
import Testing

/// In a process of its own each, whose loop the test adopts: a recorder belongs to the worker.
struct DecisionRecorderTests {
    @Test("notes stand in the order of the decisions, with their step's word")
    func order() async {
        await #expect(processExitsWith: .success) {
            EventLoop.process.adopt()
            WorkerActor.enter {
                let recorder = DecisionRecorder()
                recorder.note(.route, "a (prefix \"/\")")
                recorder.note(.host, "127.0.0.1:80 (round robin)")
                #expect(recorder.summary == "route=a (prefix \"/\"); host=127.0.0.1:80 (round robin)")
            }
        }
    }

    @Test("nothing was decided: an empty summary")
    func empty() async {
        await #expect(processExitsWith: .success) {
            EventLoop.process.adopt()
            WorkerActor.enter {
                #expect(DecisionRecorder().summary == "")
            }
        }
    }

    @Test("a summary is a valid field value, whatever was noted")
    func hostile() async {
        await #expect(processExitsWith: .success) {
            EventLoop.process.adopt()
            WorkerActor.enter {
                let recorder = DecisionRecorder()
                let controls = String(String.UnicodeScalarView((0...31).compactMap { Unicode.Scalar($0) }))
                recorder.note(.filter, "a\r\nset-cookie: b\u{0}\t\u{1}\u{1B}[2J\u{7F}ü" + controls)
                let summary = recorder.summary
                #expect(summary.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
                #expect(summary.hasPrefix("filter=a?set-cookie: b????[2J??"))
            }
        }
    }

    @Test("64 notes are kept, the next is dropped")
    func bound() async {
        await #expect(processExitsWith: .success) {
            EventLoop.process.adopt()
            WorkerActor.enter {
                let recorder = DecisionRecorder()
                for index in 0..<65 { recorder.note(.retry, "\(index)") }
                #expect(recorder.notes.count == 64)
                #expect(recorder.notes.last?.text == "63")
            }
        }
    }
}
