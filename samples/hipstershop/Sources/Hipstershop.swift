import ArgumentParser

/// The shop of the demo: each of its services, the load generator and the bank are subcommands of one program.
///
/// The services take their settings from the environment, under the names that the originals use.
@main
struct Hipstershop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hipstershop", abstract: "An online shop of ten services.",
        discussion: "Services read PORT, LISTEN_ADDR, EXTRA_LATENCY, ERROR_RATE, SERVICE_VERSION and *_SERVICE_ADDR.",
        subcommands: [
            FrontendCommand.self, CartCommand.self, ProductCatalogCommand.self, CurrencyCommand.self, PaymentCommand.self,
            ShippingCommand.self, EmailCommand.self, CheckoutCommand.self, RecommendationCommand.self, AdCommand.self,
            LoadGeneratorCommand.self, CentralBankCommand.self,
        ])
}
