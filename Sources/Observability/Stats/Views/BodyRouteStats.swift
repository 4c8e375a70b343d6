/// `http.STAT_PREFIX.body_route.FILTER_STAT_PREFIX.`: one filter that copies fields of bodies.
public struct BodyRouteStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of the name.
    public enum Counters: String, StatKey {
        /// Bodies of which at least one field was copied, and bodies without one.
        case found, missing
        /// Bodies that were not what their content type says.
        case invalid
        /// Bodies that had a field more than once.
        case duplicate
        /// Bodies over the scan limit.
        case overflow
        /// Values that no header can carry.
        case unusable
        /// Requests that the filter answered.
        case rejected
    }

    static let kind = StatKind(
        "http.{envoy_http_conn_manager_prefix}.body_route.{heddle_body_route_prefix}.", counters: Counters.self)
    static let id = StatKindID.bodyRoute

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
}
