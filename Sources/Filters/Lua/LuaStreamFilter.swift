import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// The Lua filter of one stream: one hook a direction.
@WorkerActor final class LuaStreamFilter: HTTPFilter {
    let factory: LuaFactory
    private var request: LuaHook?
    private var response: LuaHook?
    /// What a watched script was when the request came: its response must not meet another one.
    private var kept: (script: LuaScript, state: LuaState, onResponse: LuaFunction?)?
    /// The version of the filter's own script that the stream runs, where there are versions.
    var use = LuaVersionUse()

    init(_ factory: LuaFactory) {
        self.factory = factory
        super.init(name: factory.name, callbacks: [.request, .response])
        request = LuaHook(.request, self)
        response = LuaHook(.response, self)
    }

    /// The script that the route wants for this stream.
    private func script(_ stream: Stream) -> LuaScript? {
        guard let route = stream.routeConfig(at: index) else { return ownScript }
        guard let route = route as? LuaRouteConfig else { return nil }
        switch route.choice {
        case .filterDefault: return ownScript
        case .disabled: return nil
        case .named(let name): return factory.scripts[name]
        case .own(let script): return script
        }
    }

    /// The filter's own script, in the version that this stream runs.
    private var ownScript: LuaScript? {
        guard let versions = factory.versions else { return factory.defaultScript }
        if use.version == nil, !factory.isDetached { use = LuaVersionUse(versions.choose()) }
        return use.version?.script ?? factory.defaultScript
    }

    /// `filter_context` of the route, or else of the version or the filter.
    func context(_ stream: Stream) -> [String: MetadataValue] {
        (stream.routeConfig(at: index) as? LuaRouteConfig)?.context ?? use.version?.context ?? factory.context
    }

    override func onRequestHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        guard let hook = request, let script = script(stream) else { return .proceed }
        guard !factory.isDetached else { return hook.beginDetached(stream) }
        guard let state = script.usableState() else { return .proceed }
        if script.isWatched { kept = (script, state, script.onResponse) }
        guard let function = script.onRequest else { return .proceed }
        return hook.begin(stream, script, state, function, endStream: endStream)
    }

    override func onRequestData(
        _ stream: Stream, _ data: inout UnsafeRawBufferPointer, endStream: Bool
    ) -> DataVerdict {
        request?.receive(&data, endStream: endStream) ?? .proceed
    }

    override func onRequestTrailers(_ stream: Stream) -> TrailersVerdict {
        request?.receiveTrailers() ?? .proceed
    }

    override func onResponseHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        guard !factory.isDetached, let hook = response, let script = script(stream), var state = script.usableState()
        else { return .proceed }
        var onResponse = script.onResponse
        if let kept, kept.script === script, kept.state !== state, !kept.state.isDead {
            (state, onResponse) = (kept.state, kept.onResponse)
        }
        guard let function = onResponse else { return .proceed }
        // A local reply takes the place of a response that the hook may have begun with.
        hook.reset()
        return hook.begin(stream, script, state, function, endStream: endStream)
    }

    override func onResponseData(
        _ stream: Stream, _ data: inout UnsafeRawBufferPointer, endStream: Bool
    ) -> DataVerdict {
        response?.receive(&data, endStream: endStream) ?? .proceed
    }

    override func onResponseTrailers(_ stream: Stream) -> TrailersVerdict {
        response?.receiveTrailers() ?? .proceed
    }

    override func onStreamEnd(_ stream: Stream) {
        request?.end()
        response?.end()
        use.ended(status: stream.info.responseCode)
    }

    override var scriptInHand: String? { (response?.script ?? request?.script)?.name }

    override func reset() {
        request?.reset()
        response?.reset()
        if kept != nil { kept = nil }
        if use.version != nil { use = LuaVersionUse() }
    }
}
