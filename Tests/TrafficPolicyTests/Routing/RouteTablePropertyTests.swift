import HTTPModel
import Testing
import TrafficPolicy

/// The index against a search through all routes that uses nothing of it.
struct RouteTablePropertyTests {
    struct Case {
        var routes: [RouteMatchConfig] = []
        /// The condition that route i asks for with the header `x-n: <number>`, nil for none.
        var numbers: [Int64?] = []
    }

    private static func text(_ random: inout FastRandom, _ maximum: UInt64) -> String {
        let alphabet = Array("/aAb")
        var text = ""
        for _ in 0..<random.next(below: maximum + 1) { text.append(alphabet[Int(random.next(below: 4))]) }
        return text
    }

    private static func makeCase(_ random: inout FastRandom) throws -> Case {
        var result = Case()
        for _ in 0..<random.next(below: 40) {
            let literal = "/" + text(&random, 6)
            let path: RouteMatchConfig.Path =
                switch random.next(below: 8) {
                case 0: .path(literal)
                case 1: .separatedPrefix(literal)
                case 2: .regex(literal + "a*")
                default: .prefix(literal)
                }
            var headers: [HeaderMatcher] = []
            var number: Int64?
            if random.next(below: 3) == 0 {
                let value = Int64(random.next(below: 3))
                number = value
                headers = [try HeaderMatcher(name: "x-n", .range(start: value, end: value + 1))]
            }
            result.routes.append(
                RouteMatchConfig(path, isCaseSensitive: random.next(below: 3) != 0, headers: headers))
            result.numbers.append(number)
        }
        return result
    }

    private static func search(_ routes: Case, _ path: String, _ number: Int64) -> Int? {
        routes.routes.indices.first { index in
            let route = routes.routes[index]
            if let wanted = routes.numbers[index], wanted != number { return false }
            func same(_ text: String) -> String { route.isCaseSensitive ? text : text.lowercased() }
            switch route.path {
            case .prefix(let text): return same(path).hasPrefix(same(text))
            case .path(let text): return same(path) == same(text)
            case .separatedPrefix(let text):
                return same(path) == same(text) || same(path).hasPrefix(same(text) + "/")
            case .regex(let text):
                let literal = String(text.dropLast(2))
                return path.hasPrefix(literal) && path.dropFirst(literal.count).allSatisfy { $0 == "a" }
            case .connect: return false
            }
        }
    }

    @Test("index and search agree on 100,000 lookups", arguments: 1...10 as ClosedRange<UInt64>)
    func agree(seed: UInt64) throws {
        var random = FastRandom(seed: seed)
        for _ in 0..<50 {
            let routes = try Self.makeCase(&random)
            let table = try RouteTable([VirtualHostConfig(name: "v", domains: ["*"], routes: routes.routes)])
            for _ in 0..<200 {
                let path = "/" + Self.text(&random, 8)
                let number = Int64(random.next(below: 4))
                let head = makeRequest(path + "?q", [("x-n", "\(number)")])
                let expected = Self.search(routes, path, number)
                let found = table.match(head, random: 0)?.route
                let explained = table.explain(head, random: 0).match?.route
                #expect(found == expected, "\(path) \(number) \(routes)")
                #expect(explained == expected)
            }
        }
    }
}
