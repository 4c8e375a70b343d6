/// How far one direction of a stream has come towards its sink (the codec downstream, the request upstream).
package enum MessagePhase: Equatable, Sendable {
    /// Nothing yet. Next: `body`, `ended`.
    case head
    /// The head is through. Next: `ended`.
    case body
    /// The end is through.
    case ended
}
