import LuaRuntime
import Reactor

/// A filter whose script burns its whole budget again and again, and the other requests of the worker meanwhile.
extension LuaBounds {
    private static let others = 2_000

    @WorkerActor mutating func measureWorker() throws {
        let filter = Self.filter(
            "function envoy_on_request(h) if h:headers():get(':path') == '/bomb' then while true do end end end",
            ", on_error: FAIL_CLOSED, kills_before_detach: 4000000000")
        let proxy = try LocalProxy(filters: filter)
        let request = Array("GET / HTTP/1.1\r\nhost: bounds.test\r\n\r\n".utf8)
        let bomb = Array("GET /bomb HTTP/1.1\r\nhost: bounds.test\r\n\r\n".utf8)
        var calm = Series()
        for _ in 0..<Self.others { calm.add(Self.ask(proxy, request)) }
        let burner = try proxy.connectAnother()
        proxy.send(bomb, on: burner)
        var busy = Series()
        var kills = 0
        for _ in 0..<Self.others {
            busy.add(Self.ask(proxy, request))
            if proxy.hasReceived(burner) {
                kills += 1
                proxy.send(bomb, on: burner)
            }
        }
        print("a worker whose one filter burns its budget of 5 ms again and again; CPU time of the worker")
        say("another request when nothing burns, 99 %", calm.quantile(0.99), "µs")
        say("another request meanwhile, median", busy.quantile(0.5), "µs")
        say("another request meanwhile, 99 %, above calm", busy.quantile(0.99) - calm.quantile(0.99), "µs", most: 1_500, "\(kills) kills")
        try measureKillsInWorker(proxy, burner)
    }

    /// From the sending of a request to its answer.
    @WorkerActor private static func ask(_ proxy: LocalProxy, _ request: [UInt8]) -> Double {
        let before = Meter.microseconds
        proxy.clientSends(request)
        _ = proxy.serveUntilHostReads()
        proxy.hostSends(answer)
        _ = proxy.serveUntilClientReads()
        return Meter.microseconds - before
    }

    private static let answer = Array("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".utf8)

    /// `{…}, ` as an item of `http_filters`.
    static func filter(_ script: String, _ more: String = "") -> String {
        let type = "type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter"
        let source = script.replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        return "{name: lua, typed_config: {\"@type\": \(type), lua: {default_source_code: {inline_string: \"\(source)\"}}\(more)}}, "
    }

    @WorkerActor private mutating func measureKillsInWorker(_ proxy: LocalProxy, _ burner: Int32) throws {
        // The one under way ends first.
        while !proxy.hasReceived(burner) { proxy.turn() }
        let filter = Self.filter(
            "kept = {} function envoy_on_request(h) while true do kept[#kept + 1] = ('x'):rep(100) .. #kept end end",
            ", on_error: FAIL_CLOSED, kills_before_detach: 4000000000, limits: {fuel: 50000}")
        let other = try LocalProxy(filters: filter)
        let request = Array("GET / HTTP/1.1\r\nhost: bounds.test\r\n\r\n".utf8)
        func kill() {
            other.clientSends(request)
            _ = other.serveUntilClientReads()
        }
        for _ in 0..<200 { kill() }
        let before = Meter.kibibytes
        for _ in 0..<10_000 { kill() }
        say("growth of the worker by 10000 killed requests", Double(Meter.kibibytes - before), "KiB", most: 256)
    }
}
