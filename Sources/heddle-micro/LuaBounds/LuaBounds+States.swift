import LuaRuntime
import Reactor

/// What filters cost that do nothing: a state each, or one state with an environment for each.
extension LuaBounds {
    private static let filters = 100

    /// As long as those of this repository are: hooks that look at headers, and tables that they look things up in.
    private static func script(_ number: Int) -> String {
        let names = (0..<20).map { "  [\"tenant-\(number)-\($0)\"] = { limit = \($0 * 10), plan = \"plan-\($0 % 3)\" }," }
        return """
            local plans = {
            \(names.joined(separator: "\n"))
            }
            local seen = {}
            local function plan(name)
              local found = plans[name or ""]
              if not found then return nil, "unknown tenant" end
              seen[name] = (seen[name] or 0) + 1
              if seen[name] > found.limit then return nil, "over the limit" end
              return found.plan
            end
            function envoy_on_request(handle)
              local headers = handle:headers()
              local found, problem = plan(headers:get("x-tenant"))
              if not found then
                handle:respond({[":status"] = "403", ["x-reason"] = problem}, problem)
                return
              end
              headers:replace("x-plan", found)
            end
            function envoy_on_response(handle)
              handle:headers():add("x-filter", "\(number)")
            end
            """
    }

    mutating func measureStates() throws {
        print("\(Self.filters) filters with scripts of \(Self.script(1).utf8.count) bytes")
        try WorkerActor.enter { try measureFilters() }
        let start = Meter.kibibytes
        let states = try (0..<Self.filters).map { try Self.makeState(Self.script($0), LuaLimits()) }
        say("a state each, without the objects of a proxy", Double(Meter.kibibytes - start), "KiB")
        say("  of it in Lua", Double(states.map(\.statistics.memoryBytes).reduce(0, +)) / 1024, "KiB")
        let before = Meter.kibibytes
        let shared = try Self.shared(Self.filters)
        say("one state with an environment each", Double(Meter.kibibytes - before), "KiB")
        say("  of it in Lua", Double(shared.statistics.memoryBytes) / 1024, "KiB")
        withExtendedLifetime((states, shared)) {}
    }

    /// Environments are made by the script, since only a trusted one can.
    private static func shared(_ count: Int) throws -> LuaState {
        let sources = (0..<count).map { "[==[\(script($0))]==]" }.joined(separator: ",\n")
        let state = try makeState(
            """
            kept = {}
            for i, source in ipairs({\(sources)}) do
              kept[i] = setmetatable({}, {__index = _G})
              setfenv(assert(loadstring(source)), kept[i])()
            end
            """, LuaLimits(memoryBytes: 64 << 20), .trusted)
        state.collectGarbage()
        return state
    }

    @WorkerActor private mutating func measureFilters() throws {
        // The first makes what all share; what the second takes is a worker's own.
        let first = try LocalProxy(filters: Self.scripts(0))
        let start = Meter.kibibytes
        let second = try LocalProxy(filters: Self.scripts(0))
        let before = Meter.kibibytes
        let proxy = try LocalProxy(filters: Self.scripts(Self.filters))
        let taken = Meter.kibibytes - before - (before - start)
        say("in a worker, a state each", Double(taken), "KiB", most: 10_000_000 / 1024)
        withExtendedLifetime((first, second, proxy)) {}
    }

    /// One filter with so many scripts: routes can choose among them, and each has its state.
    private static func scripts(_ count: Int) -> String {
        let type = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
        let all = (0..<count).map { number in
            let source = script(number).replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "s\(number): {inline_string: \"\(source)\"}"
        }
        return "{name: lua, typed_config: {\"@type\": \(type), source_codes: {\(all.joined(separator: ", "))}}}, "
    }
}
