package import Reactor

/// Why a request went where it did: what each decision on its path was and on what grounds.
///
/// A stream has a recorder only when somebody who is allowed to asked for one; everywhere else a decision costs one
/// comparison with nil. Notes are made where decisions are made, never reconstructed.
@WorkerActor package final class DecisionRecorder {
    /// Which decision a note is of.
    package enum Step: String, Sendable {
        case filterChain = "chain"
        case virtualHost = "vhost"
        case route
        case weight
        case filter
        case cluster
        case limit
        case host
        case connection
        case retry
        case reply
    }

    /// Notes kept of one request; a script that routes anew for ever fills no memory.
    private static let maximumNotes = 64

    /// What was noted so far, in the order of the decisions.
    package private(set) var notes: [(step: Step, text: String)] = []

    package init() {}

    /// Adds a note; beyond 64 the note is dropped.
    package func note(_ step: Step, _ text: String) {
        guard notes.count < Self.maximumNotes else { return }
        notes.append((step, text))
    }

    /// All notes as one header value: `route=a (prefix "/"); host=127.0.0.1:80 (round robin)`. What may not stand in one
    /// is a question mark; line ends are one.
    package var summary: String {
        notes.map { "\($0.step.rawValue)=\($0.text)" }.joined(separator: "; ")
            .map { $0.unicodeScalars.allSatisfy { (" "..."~").contains($0) } ? String($0) : "?" }.joined()
    }
}
