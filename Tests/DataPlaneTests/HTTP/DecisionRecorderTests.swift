import DataPlane
import Reactor
import Testing

struct DecisionRecorderTests {
    @Test("notes stand in the order of the decisions, with their step's word")
    func order() {
        onWorker {
            let recorder = DecisionRecorder()
            recorder.note(.route, "a (prefix \"/\")")
            recorder.note(.host, "127.0.0.1:80 (round robin)")
            #expect(recorder.summary == "route=a (prefix \"/\"); host=127.0.0.1:80 (round robin)")
        }
    }

    @Test("nothing was decided: an empty summary")
    func empty() {
        onWorker { #expect(DecisionRecorder().summary == "") }
    }

    @Test("a summary is a valid field value, whatever was noted")
    func hostile() {
        onWorker {
            let recorder = DecisionRecorder()
            recorder.note(.filter, "a\r\nset-cookie: b\u{0}\tü")
            let summary = recorder.summary
            #expect(summary.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F || $0 == 0x09 })
            #expect(summary.hasPrefix("filter=a?set-cookie: b?"))
        }
    }

    @Test("64 notes are kept, the next is dropped")
    func bound() {
        onWorker {
            let recorder = DecisionRecorder()
            for index in 0..<65 { recorder.note(.retry, "\(index)") }
            #expect(recorder.notes.count == 64)
            #expect(recorder.notes.last?.text == "63")
        }
    }

    /// Runs a test's body as code of the worker; what it touches, it has made itself.
    private func onWorker(_ body: @WorkerActor () -> Void) {
        withoutActuallyEscaping(body) { body in
            // Safety: isolation is no part of a closure's representation; nobody else knows what `body` makes.
            unsafeBitCast(body, to: (() -> Void).self)()
        }
    }
}
