/// One thing that a filter must do: a request, or several in a row, and what must come of each.
package struct FilterCase: Sendable {
    package var name: String
    /// Line of its file; 0 where nobody knows.
    package var line: Int
    /// `filter_context`, as JSON; nil for none.
    package var settings: CaseValue?
    package var exchanges: [CaseExchange]
}

/// One request of a case.
package struct CaseExchange: Sendable {
    /// How long nothing is sent before it, in nanoseconds, so that timers run.
    package var after: UInt64 = 0
    package var request: WireMessage
    /// What services answer, by cluster; `*` for all others.
    package var answers: [String: [WireMessage]]
    package var expectation: CaseExpectation
}

/// What must come of a request. What is nil is not looked at.
package struct CaseExpectation: Sendable {
    /// Of the response.
    package var response = MessageExpectation()
    /// Of the request as the service got it.
    package var request = MessageExpectation()
    /// The cluster that got the request; `none` for no service at all.
    package var cluster: String?
    /// What other services were asked, by cluster.
    package var calls: [(cluster: String, request: MessageExpectation)] = []
    /// Pieces of lines that the log must have.
    package var log: [String] = []
    /// By how much counters of the script must rise.
    package var metrics: [(name: String, value: UInt64)] = []
    /// Errors of scripts that there must be.
    package var scriptErrors = 0
}

/// What a message must be.
package struct MessageExpectation: Sendable {
    /// Pseudo-headers included; nil for a field that must not be there.
    package var fields: [(name: String, value: TextExpectation?)] = []
    package var body: TextExpectation?

    /// Where `message` is something else.
    func failures(_ message: WireMessage, of what: String) -> [String] {
        var failures: [String] = []
        for field in fields {
            let found = message[field.name]
            let name = "\(what) \(field.name)"
            guard let expected = field.value else {
                if let found { failures.append("\(name) must not be there, and is \(CaseValue.quoted(found))") }
                continue
            }
            if let found {
                if let failure = expected.failure(found) { failures.append("\(name) \(failure)") }
            } else {
                failures.append("\(name) is missing; expected \(expected)")
            }
        }
        if let failure = body?.failure(message.text) { failures.append("\(what) body \(failure)") }
        return failures
    }
}

/// What a text must be.
package enum TextExpectation: Sendable, CustomStringConvertible {
    case exactly(String)
    /// Some part of it.
    case containing(String)
    /// No part of it.
    case lacking(String)
    /// All of it, as a regular expression.
    case matching(String)
    /// Any text.
    case present
    /// JSON of this value, in whatever order and spacing.
    case json(CaseValue)

    package var description: String {
        switch self {
        case .exactly(let text): CaseValue.quoted(text)
        case .containing(let text): "something with \(CaseValue.quoted(text)) in it"
        case .lacking(let text): "something without \(CaseValue.quoted(text)) in it"
        case .matching(let pattern): "something like /\(pattern)/"
        case .present: "something"
        case .json(let value): "JSON of \(value.json)"
        }
    }

    func failure(_ found: String) -> String? {
        let holds: Bool
        switch self {
        case .exactly(let text): holds = Array(found.utf8) == Array(text.utf8)
        case .containing(let text): holds = found.contains(text)
        case .lacking(let text): holds = !found.contains(text)
        case .matching(let pattern): holds = (try? Regex(pattern).wholeMatch(in: found)) != nil
        case .present: holds = true
        case .json(let value): holds = (try? CaseReader.value(found, of: "").canonical) == value.canonical
        }
        return holds ? nil : "is \(CaseValue.quoted(found)); expected \(self)"
    }
}
