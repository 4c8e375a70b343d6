/// The answers that come over one HTTP/1 connection, told apart by what was asked.
package struct WireAnswers {
    /// Those that are whole, and one that broke off with the connection.
    package private(set) var messages: [WireMessage] = []
    /// Why the rest of the bytes is no answer.
    package private(set) var malformed: String?
    /// How many of the client's bytes they took.
    package private(set) var used = 0
    private let methods: [String]

    /// - Parameter methods: of the requests, in order; GET for those beyond.
    package init(methods: [String]) { self.methods = methods }

    /// Answers that are not interim.
    package var finals: Int { messages.count { $0.status >= 200 || $0.status == 101 } }

    /// Reads until there are so many final answers, the end of the connection, or the deadline.
    package mutating func read(_ client: WireClient, until wanted: Int, _ deadline: Deadline) {
        while finals < wanted, malformed == nil {
            let method = finals < methods.count ? methods[finals] : "GET"
            let parsed: WireMessage?
            do throws(WireMessage.Malformed) {
                parsed = try WireMessage.parse(
                    client.received[used...], answering: method, isEnded: client.ending != nil)
            } catch {
                malformed = error.reason
                return
            }
            if let parsed, parsed.isComplete || client.ending != nil {
                messages.append(parsed)
                used += parsed.length
                if !parsed.isComplete { return }
            } else if client.receive(deadline) != .bytes {
                if parsed == nil || deadline.isOver { return }
            }
        }
    }
}
