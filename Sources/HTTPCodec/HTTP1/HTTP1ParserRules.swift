/// What the parsers of one configuration and direction have in common: made once, so that an idle connection holds little.
public final class HTTP1ParserRules: Sendable {
    /// What passes and where the parser stops.
    public let options: HTTP1Options

    let isRequest: Bool
    // What heads are scanned by, kept here because a static property asks on each use whether it was made.
    let names = ShortNameTable.shared
    let interesting: UInt64

    /// The rules of one direction.
    public init(role: HTTP1Parser.Role, options: HTTP1Options) {
        switch role {
        case .request: isRequest = true
        case .response: isRequest = false
        }
        interesting = HeadFacts.interesting(in: isRequest ? .request : .response)
        self.options = options
    }
}
