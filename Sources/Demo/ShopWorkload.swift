/// One of the parts that the shop is made of, by its number: workload 11 has the addresses 127.x.11.0 to 127.x.11.255.
package struct ShopWorkload: Sendable, Equatable {
    /// How the workload is told apart, and the name of its sidecar's configuration.
    package let name: String
    /// The third number of its addresses.
    package let number: Int
    /// What it does, for people.
    package let duty: String
    /// Where it listens.
    package let port: Int
    /// The port that others call it by, which is another one for a single service.
    package let servicePort: Int
    /// The subcommand of `hipstershop`; nil for Redis.
    package let subcommand: String?
    /// Whom it calls: the variable that says where, and the name of the workload.
    package let calls: [(variable: String, workload: String)]
    /// Further variables.
    package let environment: [String: String]

    init(
        _ name: String, number: Int, _ duty: String, port: Int, servicePort: Int? = nil, subcommand: String?,
        calls: [(variable: String, workload: String)] = [], environment: [String: String] = [:]
    ) {
        self.name = name
        self.number = number
        self.duty = duty
        self.port = port
        self.servicePort = servicePort ?? port
        self.subcommand = subcommand
        self.calls = calls
        self.environment = environment
    }

    package static func == (left: Self, right: Self) -> Bool { left.name == right.name }

    /// Outside the mesh: it has no sidecar, because it is not ours.
    package var isOutside: Bool { name == Self.bank }
    /// What runs only where Redis is installed.
    package var isRedis: Bool { name == Self.redis }

    static let bank = "centralbank"
    static let redis = "redis"
    static let bankPath = "/stats/eurofxref/eurofxref-daily.xml"

    private static let frontendCalls: [(variable: String, workload: String)] = [
        ("PRODUCT_CATALOG_SERVICE_ADDR", "productcatalog"), ("CURRENCY_SERVICE_ADDR", "currency"), ("CART_SERVICE_ADDR", "cart"),
        ("RECOMMENDATION_SERVICE_ADDR", "recommendation"), ("CHECKOUT_SERVICE_ADDR", "checkout"),
        ("SHIPPING_SERVICE_ADDR", "shipping"), ("AD_SERVICE_ADDR", "ad"),
    ]

    /// Variables that all services read.
    private static let common = ["ERROR_RATE", "EXTRA_LATENCY", "LISTEN_ADDR", "PORT", "SERVICE_VERSION"]
    private static let ofFrontend = [
        "BANNER_COLOR", "BASE_URL", "ENABLE_SINGLE_SHARED_SESSION", "ENV_PLATFORM", "FRONTEND_MESSAGE", "SHOP_TITLE",
    ]

    /// The variables that its service reads.
    package var variables: [String] {
        (Self.common + calls.map(\.variable) + (subcommand == "frontend" ? Self.ofFrontend : [])).sorted()
    }

    /// Why a variable cannot be set for a workload's service; nil where it can.
    package static func refusal(of variable: String, for workload: String) -> String? {
        let services = all.filter { $0.subcommand != nil }
        guard let service = services.first(where: { $0.name == workload }) else {
            let names = services.map(\.name).joined(separator: ", ")
            return "no workload called \(workload) has a service of the shop; there are: \(names)"
        }
        guard !service.variables.contains(variable) else { return nil }
        return "\(workload) does not read \(variable), but: \(service.variables.joined(separator: ", "))"
    }

    /// All of them; the numbers are those in the files of samples/hipstershop/mesh.
    package static let all: [ShopWorkload] = [
        ShopWorkload(
            "frontend", number: 1, "the pages", port: 8080, subcommand: "frontend", calls: frontendCalls,
            environment: ["SERVICE_VERSION": "v1"]),
        ShopWorkload(
            "frontend-v2", number: 2, "the pages, version 2", port: 8080, subcommand: "frontend", calls: frontendCalls,
            environment: [
                "SERVICE_VERSION": "v2", "BANNER_COLOR": "#8a3ffc", "SHOP_TITLE": "Hipster Shop, the new one",
                "FRONTEND_MESSAGE": "You are looking at version 2.",
            ]),
        ShopWorkload("cart", number: 3, "carts", port: 7070, subcommand: "cart", calls: [("REDIS_ADDR", "redis")]),
        ShopWorkload("redis", number: 4, "where carts are kept", port: 6379, subcommand: nil),
        ShopWorkload("productcatalog", number: 5, "products", port: 3550, subcommand: "productcatalog"),
        ShopWorkload("currency", number: 6, "exchange rates", port: 7000, subcommand: "currency", calls: [("ECB_URL", "centralbank")]),
        ShopWorkload(
            "payment", number: 7, "charges cards", port: 50051, subcommand: "payment", environment: ["SERVICE_VERSION": "v1"]),
        ShopWorkload(
            "payment-v2", number: 8, "charges cards, version 2", port: 50051, subcommand: "payment",
            environment: ["SERVICE_VERSION": "v2"]),
        ShopWorkload("shipping", number: 9, "ships orders", port: 50051, subcommand: "shipping"),
        ShopWorkload("email", number: 10, "confirms orders", port: 8080, servicePort: 5000, subcommand: "email"),
        ShopWorkload(
            "checkout", number: 11, "makes orders", port: 5050, subcommand: "checkout",
            calls: [
                ("PRODUCT_CATALOG_SERVICE_ADDR", "productcatalog"), ("SHIPPING_SERVICE_ADDR", "shipping"),
                ("PAYMENT_SERVICE_ADDR", "payment"), ("EMAIL_SERVICE_ADDR", "email"), ("CURRENCY_SERVICE_ADDR", "currency"),
                ("CART_SERVICE_ADDR", "cart"),
            ]),
        ShopWorkload(
            "recommendation", number: 12, "what else may please", port: 8080, subcommand: "recommendation",
            calls: [("PRODUCT_CATALOG_SERVICE_ADDR", "productcatalog")]),
        ShopWorkload("ad", number: 13, "advertisements", port: 9555, subcommand: "ad"),
        ShopWorkload(bank, number: 14, "rates, from outside", port: 8099, subcommand: "centralbank"),
    ]
}
