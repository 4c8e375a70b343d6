/// What scripts can use, as data: the documentation is printed from it, and the tests walk it.
package enum LuaReference {
    /// One kind of object, or one library.
    package struct Object: Sendable {
        /// As messages about wrong arguments call it; of a library, its global name.
        package let name: String
        /// How a request hook gets one, `h` being its stream handle; empty where it takes a TLS connection.
        package let expression: String
        package let summary: String
        package let functions: [Function]

        init(_ name: String, _ expression: String, _ summary: String, _ functions: [Function]) {
            self.name = name
            self.expression = expression
            self.summary = summary
            self.functions = functions
        }
    }

    /// One function of an object or library.
    package struct Function: Sendable {
        package let name: String
        package let parameters: [Parameter]
        package let results: String
        package let text: String
        /// Whether Envoy does not have it.
        package let isOwn: Bool
        package let cases: [Case]

        /// - Parameter signature: `name(key: string, value: string?) → result`.
        init(_ signature: String, _ text: String, own: Bool = false, _ cases: Case...) {
            let halves = signature.split(separator: "→").map { $0.drop { $0 == " " } }
            let open = halves[0].firstIndex(of: "(") ?? halves[0].endIndex
            name = String(halves[0][..<open])
            parameters = halves[0][open...].split { "(), ".contains($0) }.filter { !$0.isEmpty }.chunkedPairs().map {
                Parameter(name: String($0.dropLast()), type: String($1.hasSuffix("?") ? $1.dropLast() : $1), isOptional: $1.hasSuffix("?"))
            }
            results = halves.count > 1 ? String(halves[1]) : ""
            self.text = text
            isOwn = own
            self.cases = cases
        }

        /// As documentation shows it.
        package var signature: String {
            let list = parameters.map { $0.isOptional ? "[\($0.name)]" : $0.name }.joined(separator: ", ")
            return "\(name)(\(list))"
        }
    }

    /// One parameter; its type is Lua's or an object's name.
    package struct Parameter: Sendable, Equatable {
        package let name: String
        package let type: String
        package let isOptional: Bool
    }

    /// What an expression comes to: its value as text, or the message that it raises, without a position.
    package struct Case: Sendable {
        package let code: String
        package let result: String
        /// What it comes to in Envoy.
        package let envoy: String

        init(_ code: String, _ result: String, envoy: String? = nil) {
            self.envoy = envoy ?? result
            self.code = code
            self.result = result
        }
    }

    /// One thing that scripts see otherwise than in Envoy, and why.
    package struct Difference: Sendable {
        package let what: String
        package let envoy: String
        package let heddle: String
        /// What shows it, where an expression can.
        package let cases: [Case]

        init(what: String, envoy: String, heddle: String, cases: Case...) {
            self.what = what
            self.envoy = envoy
            self.heddle = heddle
            self.cases = cases
        }
    }

    /// All that tests run in both proxies. Those of the objects come last: they leave loops behind that Envoy does not let end.
    package static var cases: [Case] { checks + differences.flatMap(\.cases) + objects.flatMap { $0.functions.flatMap(\.cases) } }
}

extension Sequence where Element == Substring {
    /// Elements two by two.
    fileprivate func chunkedPairs() -> [(Substring, Substring)] {
        let all = Array(self)
        return stride(from: 0, to: all.count - 1, by: 2).map { (all[$0], all[$0 + 1]) }
    }
}

extension LuaReference {
    /// `docs/lua-api.md`.
    package static var markdown: String {
        var text = """
            # Lua API

            <!-- Printed from Sources/Filters/Lua/Reference by the test "the documentation is what the table says"; run it with
            HEDDLE_WRITE_DOCS=1 to write this file. -->

            A script defines `envoy_on_request(handle)`, `envoy_on_response(handle)` or both. Everything below that is not marked
            as Heddle's own is Envoy's, with Envoy's behaviour and messages. All libraries, from `json` on, are Heddle's own.

            An argument of a wrong type raises `bad argument #2 to 'add' (string expected, got table)`; numbers are taken where
            strings are expected and the other way round, as everywhere in Lua. What a hook was given may be used until the
            hook ends, and statistics from then on, too; else it raises `object used outside of proper scope`.

            """
        for object in objects { text += markdown(object, isOwn: object.name == "Job") }
        for library in libraries { text += markdown(library, isOwn: true) }
        text += """

            ## Differences from Envoy

            No script that works in Envoy works otherwise here, unless a row says so.

            | what | Envoy | Heddle |
            |---|---|---|

            """
        for row in differences { text += "| \(cell(row.what)) | \(cell(row.envoy)) | \(cell(row.heddle)) |\n" }
        text += statisticsText
        return text
    }

    private static func markdown(_ object: Object, isOwn: Bool) -> String {
        var text = "\n## \(object.name)\n\n\(object.summary)\(isOwn ? " *Heddle's own.*" : "")\n\n| function | returns | what it does |\n|---|---|---|\n"
        for function in object.functions {
            let own = function.isOwn && !isOwn ? " *Heddle's own.*" : ""
            text += "| `\(cell(function.signature))` | \(cell(function.results)) | \(cell(function.text))\(own) |\n"
        }
        let cases = object.functions.flatMap(\.cases)
        guard !cases.isEmpty else { return text }
        text += "\n| for example | comes to |\n|---|---|\n"
        for one in cases { text += "| `\(cell(one.code))` | `\(cell(one.result))` |\n" }
        return text
    }

    private static func cell(_ text: String) -> String {
        String(text.flatMap { $0 == "|" ? "\\|" : $0 == "\n" ? " " : String($0) })
    }
}
