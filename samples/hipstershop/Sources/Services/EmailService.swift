import ArgumentParser
import GRPCCore

/// `hipstershop email`
struct EmailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "email", abstract: "Would write to customers (port 8080).")

    func run() async throws {
        let host = ServiceHost("EmailService")
        try await host.serve(port: 8080, [EmailService(log: host.log)])
    }
}

/// Sends nothing: it notes whom it would have written to.
struct EmailService: Hipstershop_EmailService.SimpleServiceProtocol {
    let log: ServiceLog

    func sendOrderConfirmation(request: Hipstershop_SendOrderConfirmationRequest, context: ServerContext) async throws
        -> Hipstershop_Empty
    {
        log.write("confirmation", ["to": request.email, "order": request.order.orderID])
        return Hipstershop_Empty()
    }
}
