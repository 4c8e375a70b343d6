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

    /// The request was refused: the answer is not a message that the response hook is for.
    private var isRefused = false

    private enum Choice {
        case none
        case script(LuaScript)
        /// There is one, and it cannot be loaded.
        case broken
    }

    /// The script that the route wants for this stream.
    private func choice(_ stream: Stream) -> Choice {
        let script: LuaScript?
        if let route = stream.routeConfig(of: self) as? LuaRouteConfig {
            switch route.choice {
            case .filterDefault: script = ownScript
            case .disabled: script = nil
            case .named(let name): script = factory.scripts[name]
            case .own(let own):
                guard let made = own.script(for: factory.binding) else { return .broken }
                script = made
            }
        } else {
            script = ownScript
        }
        // No `map`: a closure of an actor's is checked for its isolation at run time.
        guard let script else { return .none }
        return .script(script)
    }

    /// The filter's own script, in the version that this stream runs.
    private var ownScript: LuaScript? {
        guard let versions = factory.versions else { return factory.defaultScript }
        if use.version == nil, !factory.isDetached { use = LuaVersionUse(versions.choose()) }
        return use.version?.script ?? factory.defaultScript
    }

    /// `filter_context` of the route, or else of the version or the filter.
    func context(_ stream: Stream) -> [String: MetadataValue] {
        (stream.routeConfig(of: self) as? LuaRouteConfig)?.context ?? use.version?.context ?? factory.context
    }

    override func onRequestHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        guard let hook = request else { return .proceed }
        let script: LuaScript
        switch choice(stream) {
        case .none: return .proceed
        case .broken: return refuse(stream, hook)
        case .script(let chosen): script = chosen
        }
        guard !factory.isDetached else {
            isRefused = factory.settings.answer != nil
            return hook.refuse(stream)
        }
        guard let state = script.usableState() else { return refuse(stream, hook) }
        if script.isWatched { kept = (script, state, script.onResponse) }
        guard let function = script.onRequest else { return .proceed }
        return hook.begin(stream, script, state, function, endStream: endStream)
    }

    /// A script that cannot be loaded is one that failed.
    private func refuse(_ stream: Stream, _ hook: LuaHook) -> HeadersVerdict {
        factory.stats[.errors].add()
        use.failed()
        isRefused = factory.settings.answer != nil
        return hook.refuse(stream)
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
        guard let hook = response, !isRefused else { return .proceed }
        let script: LuaScript
        switch choice(stream) {
        case .none: return .proceed
        case .broken:
            hook.reset()
            return refuse(stream, hook)
        case .script(let chosen): script = chosen
        }
        guard kept != nil || script.onResponse != nil else { return .proceed }
        let begun = kept.flatMap { $0.script === script && !$0.state.isDead ? $0 : nil }
        guard !factory.isDetached, let state = begun?.state ?? script.usableState() else {
            guard script.onResponse != nil else { return .proceed }
            hook.reset()
            return factory.isDetached ? hook.refuse(stream) : refuse(stream, hook)
        }
        guard let function = begun == nil ? script.onResponse : begun?.onResponse else { return .proceed }
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
        isRefused = false
        if use.version != nil { use = LuaVersionUse() }
    }
}
