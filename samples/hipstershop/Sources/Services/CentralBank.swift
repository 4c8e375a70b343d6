import ArgumentParser
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import ServiceLifecycle

/// `hipstershop centralbank`
struct CentralBankCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "centralbank", abstract: "Stands in for the European Central Bank's feed of rates (port 8099).",
        discussion: "Serves /stats/eurofxref/eurofxref-daily.xml. It is no part of the mesh: the shop reaches it through egress.")

    func run() async throws {
        let settings = Settings()
        let log = ServiceLog(service: "CentralBank")
        let disturbance = try Disturbance(settings: settings)
        let router = Router()
        router.get("/stats/eurofxref/eurofxref-daily.xml") { _, _ -> Response in
            guard try await !disturbance.apply() else { return Response(status: .serviceUnavailable) }
            let day = Date().ISO8601Format(.iso8601Date(timeZone: .gmt))
            return Response(
                status: .ok, headers: [.contentType: "text/xml"],
                body: .init(byteBuffer: ByteBuffer(string: ExchangeRates.builtIn.feed(day: day))))
        }
        try await WebHost.run(router, port: 8099, settings: settings, log: log)
    }
}

/// Runs a web server with what such servers of the shop have in common.
enum WebHost {
    static func run<Context: RequestContext>(
        _ router: Router<Context>, port standard: Int, settings: Settings, log: ServiceLog, beside services: [any Service] = []
    ) async throws where Context.Source == ApplicationRequestContextSource {
        let host = settings["LISTEN_ADDR"] ?? "0.0.0.0"
        let port = try settings.number("PORT", default: standard, in: 1...65_535)
        var quiet = Logger(label: log.service)
        quiet.logLevel = .error
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname(host, port: port)), logger: quiet)
        log.write("serving", ["address": "\(host):\(port)"])
        try await ServiceHost.run(services + [application], log: log)
        log.write("ended")
    }
}
