import Foundation
import HTTPTypes
import Hummingbird
import Mustache

/// The pages, each a template with what it shows.
struct Pages: Sendable {
    private let library: MustacheLibrary
    private let site: Site

    init(site: Site) throws {
        self.site = site
        var templates: [String: MustacheTemplate] = [:]
        for (path, bytes) in try Assets.files(below: "templates") {
            let name = String(path.prefix { $0 != "." })
            templates[name] = try MustacheTemplate(string: String(decoding: bytes, as: UTF8.self))
        }
        library = MustacheLibrary(templates: templates)
    }

    /// What the templates are given: the frame of the page, and the page.
    private struct Page<Content> {
        let frame: Frame
        let content: Content
    }

    private struct Home { let products: [ProductView] }
    private struct Product {
        let product: ProductView
        let quantities: [Int]
        let recommendations: [ProductView]
        let hasRecommendations: Bool
    }
    private struct Cart {
        let lines: [CartLine]
        let isEmpty: Bool
        let shipping: String
        let total: String
        let years: [Int]
        let recommendations: [ProductView]
        let hasRecommendations: Bool
    }
    private struct Order {
        let identifier: String
        let tracking: String
        let email: String
        let shipping: String
        let paid: String
        let recommendations: [ProductView]
        let hasRecommendations: Bool
    }
    private struct Failure {
        let code: Int
        let phrase: String
        let reason: String
    }

    func home(_ products: [ProductView], frame: Frame) throws -> Response {
        try render("home", Page(frame: frame, content: Home(products: products)))
    }

    func product(_ product: ProductView, recommendations: [ProductView], frame: Frame) throws -> Response {
        let content = Product(
            product: product, quantities: [1, 2, 3, 4, 5, 10], recommendations: recommendations,
            hasRecommendations: !recommendations.isEmpty)
        return try render("product", Page(frame: frame, content: content))
    }

    func cart(_ lines: [CartLine], shipping: Money, total: Money, recommendations: [ProductView], frame: Frame) throws -> Response {
        let content = Cart(
            lines: lines, isEmpty: lines.isEmpty, shipping: MoneyText(shipping).description,
            total: MoneyText(total).description, years: Array(frame.year..<(frame.year + 8)),
            recommendations: recommendations, hasRecommendations: !recommendations.isEmpty)
        return try render("cart", Page(frame: frame, content: content))
    }

    func order(
        _ order: Hipstershop_OrderResult, paid: Money, email: String, recommendations: [ProductView], frame: Frame
    ) throws -> Response {
        let content = Order(
            identifier: order.orderID, tracking: order.shippingTrackingID, email: email,
            shipping: MoneyText(order.shippingCost).description, paid: MoneyText(paid).description,
            recommendations: recommendations, hasRecommendations: !recommendations.isEmpty)
        return try render("order", Page(frame: frame, content: content))
    }

    /// The page that says why there is none. It needs no service.
    func error(_ failure: PageFailure, context: ShopContext) -> Response {
        let content = Failure(code: failure.status.code, phrase: failure.status.reasonPhrase, reason: failure.reason)
        let frame = Frame(context, site: site, currencies: [], items: [], ad: nil)
        do {
            return try render("error", Page(frame: frame, content: content), status: failure.status)
        } catch {
            return Response(status: failure.status)
        }
    }

    /// A product as JSON, under the names of its message.
    func facts(_ product: Hipstershop_Product) throws -> [UInt8] {
        struct Price: Encodable {
            let currency_code: String
            let units: Int64
            let nanos: Int32
        }
        struct Facts: Encodable {
            let id: String
            let name: String
            let description: String
            let picture: String
            let price_usd: Price
            let categories: [String]
        }
        let price = product.priceUsd
        let facts = Facts(
            id: product.id, name: product.name, description: product.description_p, picture: product.picture,
            price_usd: Price(currency_code: price.currencyCode, units: price.units, nanos: price.nanos),
            categories: product.categories)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return [UInt8](try encoder.encode(facts))
    }

    private func render(_ template: String, _ page: some Any, status: HTTPResponse.Status = .ok) throws -> Response {
        guard let text = library.render(page, withTemplate: template) else { throw Assets.Failure.missing(template) }
        return Response(
            status: status, headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
