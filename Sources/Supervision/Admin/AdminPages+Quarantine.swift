import DataPlane
import Reactor
import ServiceKit

extension AdminPages {
    func quarantine(_ request: ServiceRequest) -> ServiceResponse {
        let keeper = supervisor.quarantine
        var json = JSONText()
        json.object { json in
            json.array("quarantined") { json in
                for entry in keeper.list.entries {
                    guard let until = entry.until else { continue }
                    json.object { json in
                        Self.append(entry, to: &json)
                        json.field("seconds_left", Int(until > keeper.now ? (until - keeper.now) / 1_000_000_000 : 0))
                    }
                }
            }
            json.array("suspects") { json in
                for entry in keeper.list.entries where entry.until == nil { json.object { Self.append(entry, to: &$0) } }
            }
        }
        return .json(json.bytes)
    }

    private static func append(_ entry: QuarantineList.Entry, to json: inout JSONText) {
        json.field("fingerprint", RequestInHand.text(entry.request.fingerprint))
        json.field("deaths", entry.deaths)
        json.field("route", entry.request.route)
        json.field("filter", entry.request.filter)
        json.field("script", entry.request.script)
    }

    func clearQuarantine(_ request: ServiceRequest) -> ServiceResponse {
        supervisor.quarantine.clear()
        return ServiceResponse(text: "OK\n")
    }
}
