/// Where one direction of one message is in its filter chain: who sees what next, who holds what back.
///
/// Positions count in the order of this direction: 0 is the first filter to see the message, `count` stands for what is
/// behind the last. At most one filter holds anything at a time: it holds the head (and all behind it), or, having let
/// the head by, the body from there on.
package struct FilterIteration: Equatable, Sendable {
    /// What is held back, and by which position. A hold ends with ``release(_:)`` only.
    package enum Hold: Equatable, Sendable {
        case none
        /// The head waits at `position`. `seesData`: the filter still gets the body; else it waits in front of it.
        case head(position: Int, seesData: Bool)
        /// Body waits behind the filter at `position`, which gets each new piece.
        case body(position: Int)
        /// Trailers wait at `position`.
        case trailers(position: Int)
    }

    /// What is held back at present.
    package private(set) var hold = Hold.none
    /// Positions before this one have let the head by.
    package private(set) var headNext = 0
    /// Where the buffered body goes next.
    package private(set) var bodyNext = 0
    /// The end has been seen (by the position that holds, if one does).
    package var endSeen = false
    package var trailersSeen = false
    /// The end, or the trailers, have been handed to the last position.
    package var isComplete = false

    package init() {}

    /// The position that holds something back.
    package var holder: Int? {
        switch hold {
        case .none: nil
        case .head(let position, _), .body(let position), .trailers(let position): position
        }
    }

    /// The filter at `position` let the head by.
    package mutating func headPassed(_ position: Int) {
        headNext = position + 1
    }

    /// The filter at `position` keeps the head.
    package mutating func headHeld(at position: Int, seesData: Bool) {
        hold = .head(position: position, seesData: seesData)
        bodyNext = seesData ? position + 1 : position
    }

    /// The filter at `position`, which has let the head by, keeps the body.
    package mutating func bodyHeld(at position: Int) {
        if case .head = hold { return }
        hold = .body(position: position)
        bodyNext = position + 1
    }

    /// The filter at `position`, which has let head and body by, keeps the trailers.
    package mutating func trailersHeld(at position: Int) {
        if case .head = hold { return }
        hold = .trailers(position: position)
    }

    /// The holder at `position` lets go.
    /// - Returns: what must be done, in order: the head from `headFrom`, the buffered body from `bodyFrom`; nil when
    ///   this position holds nothing.
    package mutating func release(_ position: Int) -> (headFrom: Int?, bodyFrom: Int, trailersFrom: Int)? {
        guard holder == position else { return nil }
        switch hold {
        case .none: return nil
        case .head:
            hold = .none
            headNext = position + 1
            return (position + 1, bodyNext, bodyNext)
        case .body:
            hold = .none
            return (nil, position + 1, position + 1)
        case .trailers:
            hold = .none
            return (nil, position + 1, position + 1)
        }
    }
}
