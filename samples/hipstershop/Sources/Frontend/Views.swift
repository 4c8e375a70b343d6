import Foundation

/// An amount as people read it.
struct MoneyText: CustomStringConvertible {
    private static let symbols = ["USD": "$", "EUR": "€", "CAD": "CA$", "JPY": "¥", "GBP": "£", "TRY": "₺"]
    private static let withoutCents: Set<String> = ["JPY"]

    let description: String

    init(_ money: Money) {
        let sign = money.units < 0 || money.nanos < 0 ? "−" : ""
        let symbol = Self.symbols[money.currencyCode] ?? money.currencyCode + " "
        var units = money.units.magnitude
        var cents = (money.nanos.magnitude + 5_000_000) / 10_000_000
        if Self.withoutCents.contains(money.currencyCode) { (units, cents) = (units + (cents >= 50 ? 1 : 0), 0) }
        if cents == 100 { (units, cents) = (units + 1, 0) }
        let fraction = Self.withoutCents.contains(money.currencyCode) ? "" : String(format: ".%02d", cents)
        description = "\(sign)\(symbol)\(Self.grouped(units))\(fraction)"
    }

    /// With a comma before each three digits.
    private static func grouped(_ number: UInt64) -> String {
        let digits = Array(String(number))
        return digits.enumerated().reduce(into: "") { text, digit in
            if digit.offset > 0, (digits.count - digit.offset).isMultiple(of: 3) { text += "," }
            text.append(digit.element)
        }
    }
}

/// A product as the templates see it.
struct ProductView {
    let id: String
    let name: String
    let description: String
    let picture: String
    let link: String
    let price: String

    init(_ product: Hipstershop_Product, price: Money? = nil, site: Site) {
        id = product.id
        name = product.name
        description = product.description_p
        picture = site.baseURL + product.picture
        link = "\(site.baseURL)/product/\(product.id)"
        self.price = price.map { MoneyText($0).description } ?? ""
    }
}

/// A product in the cart: its price is that of all of it.
struct CartLine {
    let product: ProductView
    let quantity: Int32
}

/// What surrounds every page.
struct Frame {
    struct Currency {
        let code: String
        let selected: Bool
    }

    struct Advertisement {
        let link: String
        let text: String
    }

    let title: String
    let bannerColor: String
    let message: String?
    let version: String?
    let platform: String
    let base: String
    let currencies: [Currency]
    let hasCurrencies: Bool
    let cartSize: Int
    let hasCart: Bool
    let session: String
    let request: String
    let year: Int
    let ad: Advertisement?

    init(
        _ context: ShopContext, site: Site, currencies: [String], items: [Hipstershop_CartItem], ad: Hipstershop_Ad?,
        now: Date = Date()
    ) {
        title = site.title
        bannerColor = site.bannerColor
        message = site.message.isEmpty ? nil : site.message
        version = site.version.isEmpty ? nil : site.version
        platform = site.platform
        base = site.baseURL
        self.currencies = currencies.map { Currency(code: $0, selected: $0 == context.currency) }
        hasCurrencies = !currencies.isEmpty
        cartSize = items.reduce(0) { $0 + Int($1.quantity) }
        hasCart = !items.isEmpty
        session = context.session
        request = context.requestIdentifier
        year = Calendar(identifier: .gregorian).component(.year, from: now)
        self.ad = ad.map { Advertisement(link: site.baseURL + $0.redirectURL, text: $0.text) }
    }
}
