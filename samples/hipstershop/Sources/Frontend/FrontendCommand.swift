import ArgumentParser
import GRPCCore
import Hummingbird
import ServiceLifecycle

/// `hipstershop frontend`
struct FrontendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frontend", abstract: "The shop as people see it (port 8080).",
        discussion: "Further variables: BASE_URL, BANNER_COLOR, FRONTEND_MESSAGE, SHOP_TITLE, ENABLE_SINGLE_SHARED_SESSION.")

    func run() async throws {
        let settings = Settings()
        let log = ServiceLog(service: "frontend")
        var clients: [ServiceClient] = []
        func client(_ variable: String) throws -> GRPCClient<NeighbourTransport> {
            let client = try ServiceClient(address: settings.address(variable))
            clients.append(client)
            return client.client
        }
        let shop = Shop(
            catalog: .init(wrapping: try client("PRODUCT_CATALOG_SERVICE_ADDR")),
            currency: .init(wrapping: try client("CURRENCY_SERVICE_ADDR")),
            cart: .init(wrapping: try client("CART_SERVICE_ADDR")),
            recommendation: .init(wrapping: try client("RECOMMENDATION_SERVICE_ADDR")),
            checkout: .init(wrapping: try client("CHECKOUT_SERVICE_ADDR")),
            shipping: .init(wrapping: try client("SHIPPING_SERVICE_ADDR")),
            ad: .init(wrapping: try client("AD_SERVICE_ADDR")))
        let site = try Site(settings: settings)
        let pages = try Pages(site: site)
        let router = Router(context: ShopContext.self, options: .autoGenerateHeadEndpoints)
        let disturbance = try Disturbance(settings: settings)
        router.addMiddleware { SessionMiddleware(site: site, log: log, pages: pages, disturbance: disturbance) }
        let routes = router.group(RouterPath(site.baseURL))
        FrontendRoutes(shop: shop, site: site, pages: pages).register(in: routes)
        try StaticRoutes().register(in: routes)
        try await WebHost.run(router, port: 8080, settings: settings, log: log, beside: clients)
    }
}

/// What one instance of the frontend is told about itself.
struct Site: Sendable {
    /// Before all paths: empty, or with a slash at its start and none at its end.
    let baseURL: String
    let title: String
    let bannerColor: String
    let message: String
    let version: String
    let platform: String
    let sharesSession: Bool

    init(settings: Settings) throws(Settings.Failure) {
        let base = settings["BASE_URL"] ?? ""
        baseURL = base.hasSuffix("/") ? String(base.dropLast()) : base
        if !baseURL.isEmpty, !baseURL.hasPrefix("/") {
            throw .malformed(name: "BASE_URL", value: base, expected: "a path such as /shop")
        }
        version = settings["SERVICE_VERSION"] ?? ""
        title = settings["SHOP_TITLE"] ?? "Hipster Shop"
        let color = settings["BANNER_COLOR"] ?? "#3d5a80"
        // It goes into a style sheet.
        guard color.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "#") }) else {
            throw .malformed(name: "BANNER_COLOR", value: color, expected: "a colour such as teal or #3d5a80")
        }
        bannerColor = color
        message = settings["FRONTEND_MESSAGE"] ?? ""
        platform = settings["ENV_PLATFORM"] ?? "local"
        sharesSession = settings["ENABLE_SINGLE_SHARED_SESSION"] == "true"
    }
}

/// What the handlers know about a request besides the request.
struct ShopContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The user, as far as the shop knows users.
    var session = ""
    /// The currency that the user chose.
    var currency = ShopContext.standardCurrency
    /// Of this request, in the log and at the foot of the page.
    var requestIdentifier = ""

    static let standardCurrency = "USD"

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
    }
}
