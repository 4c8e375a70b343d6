import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// One person in the shop: looks around, fills a cart, sometimes buys. Weights and data are those of the original's
/// script.
struct ShopUser {
    /// What a user can be told to do.
    enum Behaviour: String, CaseIterable, Sendable {
        /// What people do, in their proportions.
        case people
        /// The same page again and again, the front page unless said otherwise, for measuring.
        case home
    }

    private static let products = [
        "0PUK6V6EV0", "1YMWWN1N4O", "2ZYFJ3GM2N", "66VCHSJNUP", "6E92ZMYYFZ", "9SIQT8TOJO", "L9ECAV7KIM", "LS4PSXUNUM",
        "OLJCESPC7Z",
    ]
    private static let currencies = ["EUR", "USD", "JPY", "CAD", "GBP", "TRY"]
    private static let people: [(email: String, country: String)] = [
        ("someone@example.com", "United States"), ("heddle@example.org", "Germany"), ("loom@example.net", "France"),
    ]
    private static let mostRedirects = 5
    private static let mostBytes = 4 * 1024 * 1024

    let client: HTTPClient
    let base: String
    /// The Host that is asked for, where it is not that of `base`.
    let host: String?
    let recorder: LoadRecorder
    let timeout: TimeAmount
    /// When no request is started any more.
    let end: ContinuousClock.Instant?
    /// The path of the first page.
    let home: String
    private var cookies: [String: String] = [:]

    init(
        client: HTTPClient, base: String, host: String?, recorder: LoadRecorder, timeout: TimeAmount,
        end: ContinuousClock.Instant?, home: String
    ) {
        self.client = client
        self.base = base
        self.host = host
        self.recorder = recorder
        self.timeout = timeout
        self.end = end
        self.home = home
    }

    /// Visits the shop until `end` or until the task is cancelled.
    mutating func visit(as behaviour: Behaviour, wait: ClosedRange<Double>) async {
        await get(home, page: "GET \(home)")
        while !isOver {
            var pause = wait.lowerBound + (wait.upperBound - wait.lowerBound) * Chance.share()
            if let end { pause = min(pause, end - .now > .zero ? (end - .now) / .seconds(1) : 0) }
            if pause > 0 {
                // Rule zero: people take their time; the end of the run cancels it.
                do { try await Task.sleep(for: .seconds(pause)) } catch { return }
            }
            if isOver { return }
            await behaviour == .home ? get(home, page: "GET \(home)") : act()
        }
    }

    private var isOver: Bool { Task.isCancelled || end.map { .now >= $0 } ?? false }

    private mutating func act() async {
        switch Chance.number(in: 1...19) {
        case 1: await get("/", page: "GET /")
        case 2...3: await post("/setCurrency", page: "POST /setCurrency", ["currency_code": one(of: Self.currencies)])
        case 4...13: await get("/product/" + one(of: Self.products), page: "GET /product")
        case 14...15: await addToCart()
        case 16...18: await get("/cart", page: "GET /cart")
        default: await checkOut()
        }
    }

    private func one(of list: [String]) -> String { Chance.element(of: list) ?? "" }

    private mutating func addToCart() async {
        let product = one(of: Self.products)
        await get("/product/" + product, page: "GET /product")
        await post("/cart", page: "POST /cart", ["product_id": product, "quantity": "\(Chance.number(in: 1...10))"])
    }

    private mutating func checkOut() async {
        await addToCart()
        guard let person = Chance.element(of: Self.people) else { return }
        await post(
            "/cart/checkout", page: "POST /cart/checkout",
            [
                "email": person.email, "street_address": "12 Loom Lane", "zip_code": "94043", "city": "Weaverham",
                "state": "CA", "country": person.country, "credit_card_number": "4432-8015-6152-0454",
                "credit_card_expiration_month": "1", "credit_card_expiration_year": "2039", "credit_card_cvv": "672",
            ])
    }

    private mutating func get(_ path: String, page: String) async {
        await measured(page) { HTTPClientRequest(url: $0.base + path) }
    }

    private mutating func post(_ path: String, page: String, _ form: [String: String]) async {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        let body = form.map { "\($0.key)=\($0.value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")" }
            .joined(separator: "&")
        await measured(page) { user in
            var request = HTTPClientRequest(url: user.base + path)
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(ByteBuffer(string: body))
            return request
        }
    }

    private mutating func measured(_ page: String, _ make: (ShopUser) -> HTTPClientRequest) async {
        if isOver { return }
        let start = ContinuousClock.now
        var failure: String?
        do {
            failure = try await follow(make(self))
        } catch {
            // What the end of the run interrupts is no failure.
            if Task.isCancelled { return }
            failure = "\(error)"
        }
        recorder.record(page, milliseconds: (ContinuousClock.now - start) / .milliseconds(1), failure: failure.map { "\(page): \($0)" })
    }

    /// Sends a request and follows where it leads, as a browser would. The answer is why it failed, or nil.
    private mutating func follow(_ first: HTTPClientRequest) async throws -> String? {
        var request = first
        for _ in 0...Self.mostRedirects {
            if let host { request.headers.replaceOrAdd(name: "host", value: host) }
            if !cookies.isEmpty {
                request.headers.replaceOrAdd(
                    name: "cookie", value: cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; "))
            }
            let response = try await send(request)
            let body = try await response.body.collect(upTo: Self.mostBytes)
            for field in response.headers["set-cookie"] { keep(field) }
            guard (300..<400).contains(response.status.code), let place = response.headers.first(name: "location") else {
                if response.status.code < 400 { return nil }
                let text = String(buffer: body)
                let reason = text.firstMatch(of: #/<pre>(?<reason>[^<]*)</#).map { Self.text(ofHTML: $0.output.reason) }
                return "\(response.status.code) \(reason ?? String(text.prefix(200)))"
            }
            request = HTTPClientRequest(url: place.hasPrefix("/") ? base + place : place)
        }
        return "more than \(Self.mostRedirects) redirects"
    }

    /// What a page says where its template has escaped it.
    private static func text(ofHTML html: Substring) -> String {
        let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        return entities.reduce(String(html)) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }

    /// Sends a request, once more where the connection that was kept for it closed before anything of it was sent.
    private func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        do {
            return try await client.execute(request, timeout: timeout)
        } catch ChannelError.ioOnClosedChannel {
            return try await client.execute(request, timeout: timeout)
        }
    }

    private mutating func keep(_ field: String) {
        let pair = field.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
        if pair.count == 2 { cookies[String(pair[0])] = String(pair[1]) }
    }
}
