import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// The stream handle: what `envoy_on_request` and `envoy_on_response` are given.
extension LuaHook {
    /// Every class that a filter's state knows.
    static let classes: [AnyLuaClass] = [
        handleType, headersType, bufferType, metadataType, ownerType, streamInfoType, connectionInfoType, connectionType, sslType,
        subjectType, filterStateType, statsType, counterType, gaugeType, histogramType, keyType, LuaJob.type,
    ]

    static let handleType = LuaClass<LuaHook>(
        "StreamHandle",
        methods: [
            .worker("headers") { hook, call in
                call.results.add(headersType, hook, scope: .run, slot: 1, tag: headersTag)
                return .results
            },
            .worker("requestHeaders") { hook, call in
                call.results.add(headersType, hook, scope: .run, slot: 3, tag: requestHeadersTag)
                return .results
            },
            .worker("body", orNil: true) { hook, call in hook.body(call) },
            .worker("bodyChunks") { hook, call in hook.bodyChunks(call) },
            .worker("nextChunk", hidden: true) { hook, call in hook.nextChunk(call) },
            .worker("trailers", orNil: true) { hook, call in hook.trailers(call) },
            .worker("respond") { hook, call in hook.respond(call) },
            .worker("httpCall") { hook, call in hook.httpCall(call) },
            .worker("metadata") { hook, call in hook.give(call, MetadataPlace.filter) },
            .worker("filterContext") { hook, call in hook.give(call, MetadataPlace.context) },
            .worker("route") { hook, call in
                call.results.add(ownerType, hook, scope: .run, slot: 5, tag: MetadataPlace.route.rawValue)
                return .results
            },
            .worker("virtualHost") { hook, call in
                call.results.add(ownerType, hook, scope: .run, slot: 6, tag: MetadataPlace.virtualHost.rawValue)
                return .results
            },
            .worker("streamInfo") { hook, call in
                call.results.add(streamInfoType, hook, scope: .run, slot: 7)
                return .results
            },
            .worker("connection") { hook, call in
                call.results.add(connectionType, hook, scope: .run, slot: 8)
                return .results
            },
            .worker("clearRouteCache") { hook, _ in
                if hook.direction == .request, !hook.filter.isUpstream {
                    hook.stream?.clearRouteCache()
                    hook.explain("cleared the route cache")
                }
                return .results
            },
            .worker("connectionStreamInfo") { hook, call in
                call.results.add(connectionInfoType, hook, scope: .run, slot: 9)
                return .results
            },
            .worker("setUpstreamOverrideHost") { hook, call in hook.setUpstreamOverrideHost(call) },
            .worker("stats") { hook, call in
                call.results.add(statsType, hook, scope: .run, slot: 10)
                return .results
            },
            .worker("importPublicKey") { hook, call in hook.importPublicKey(call) },
            .worker("verifySignature") { hook, call in hook.verifySignature(call) },
            .worker("base64Escape") { _, call in
                guard let bytes = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                call.charge(fuel: bytes.count)
                call.results.addString(count: Base64.encodedCount(bytes.count)) { Base64.encode(bytes, into: $0) }
                return .results
            },
            .worker("base64Decode") { _, call in
                guard let bytes = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                call.charge(fuel: bytes.count)
                if let decoded = Base64.decode(bytes) {
                    decoded.withUnsafeBytes { call.results.add($0) }
                } else {
                    call.results.add()
                }
                return .results
            },
            .worker("timestamp") { hook, call in
                guard call.isNil(1) || call.bytes(1) != nil else { return call.badArgument(1, expected: "string") }
                guard resolution(call) == 0 else { return call.fail("timestamp format must be MILLISECOND.") }
                return call.returning(hook.wallMicroseconds / 1000)
            },
            .worker("timestampString") { hook, call in
                guard call.isNil(1) || call.bytes(1) != nil else { return call.badArgument(1, expected: "string") }
                switch resolution(call) {
                case 0: return call.returning(String(hook.wallMicroseconds / 1000))
                case 1: return call.returning(String(hook.wallMicroseconds))
                default: return call.fail("timestamp format must be MILLISECOND or MICROSECOND.")
                }
            },
        ] + logMethods)

    /// Notes what the script does where somebody asked for the decisions of the request; costs nothing where nobody did.
    func explain(_ text: @autoclosure () -> String) {
        guard let recorder = stream?.recorder else { return }
        recorder.note(.filter, "\(factory.name): \(text())")
    }

    /// The resolution that a script asks for, which Envoy reads from its text: none and an empty one are the first.
    private static func resolution(_ call: borrowing LuaCall) -> Int? {
        guard let text = call.bytes(1), !text.isEmpty else { return 0 }
        return wholeNumber(text.text)
    }

    /// A whole number, perhaps with white space around it.
    static func wholeNumber(_ text: some StringProtocol) -> Int? {
        var rest = Substring(text).drop { $0.isWhitespace }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return Int(rest)
    }

    private var wallMicroseconds: Int { Int(factory.worker.loop.wallNow / 1000) }

    /// The log functions, which every wrapper has.
    static var logMethods: [LuaMethod<LuaHook>] { LuaMethod.logMethods { $0.factory.log } }
}
