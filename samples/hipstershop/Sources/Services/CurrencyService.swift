import ArgumentParser
import AsyncHTTPClient
import GRPCCore
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import SwiftProtobuf
import Synchronization

/// `hipstershop currency`
struct CurrencyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "currency",
        abstract: "Converts amounts, at the rates of the central bank where ECB_URL names its feed (port 7000).")

    func run() async throws {
        var host = ServiceHost("CurrencyService")
        guard let feed = host.settings["ECB_URL"] else {
            try await host.serve(port: 7000, [CurrencyService(rates: Rates(table: ExchangeRates.builtIn))])
            return
        }
        let rates = Rates(table: nil)
        host.runBeside(RatesFeed(url: feed, rates: rates, log: host.log))
        try await host.serve(port: 7000, isServing: { rates.table != nil }, [CurrencyService(rates: rates)])
    }
}

/// The rates in use; none before the bank has answered for the first time.
final class Rates: Sendable {
    private let current: Mutex<ExchangeRates?>

    init(table: ExchangeRates?) {
        current = Mutex(table)
    }

    var table: ExchangeRates? {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}

/// Asks the bank again and again; a refusal leaves the last rates in use.
struct RatesFeed: Service {
    /// Between two questions while the bank answers, and while it does not.
    static let pause = (good: Duration.seconds(15), bad: Duration.milliseconds(250))
    /// The longest answer that is read.
    static let mostBytes = 256 * 1024

    let url: String
    let rates: Rates
    let log: ServiceLog

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                var pause = Self.pause.good
                do {
                    let fresh = try await fetch()
                    if rates.table != fresh { log.write("new rates", ["currencies": "\(fresh.codes.count)", "from": url]) }
                    rates.table = fresh
                } catch {
                    pause = Self.pause.bad
                    log.write("no rates", severity: .warning, ["from": url, "error": "\(error)"])
                }
                // Rule zero: a sample may ask now and then; an end cancels the wait.
                try? await Task.sleep(for: pause)
            }
        }
    }

    private func fetch() async throws -> ExchangeRates {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(2))
        guard response.status == .ok else {
            throw RPCError(code: .unavailable, message: "the bank answers \(response.status.code)")
        }
        let body = try await response.body.collect(upTo: Self.mostBytes)
        guard let table = ExchangeRates(feed: String(buffer: body)) else {
            throw RPCError(code: .dataLoss, message: "the bank's answer has no rates")
        }
        return table
    }
}

struct CurrencyService: Hipstershop_CurrencyService.SimpleServiceProtocol {
    let rates: Rates

    private func table() throws -> ExchangeRates {
        guard let table = rates.table else { throw RPCError(code: .unavailable, message: "no rates from the bank yet") }
        return table
    }

    func getSupportedCurrencies(request: Hipstershop_Empty, context: ServerContext) async throws
        -> Hipstershop_GetSupportedCurrenciesResponse
    {
        let table = try table()
        return .with { $0.currencyCodes = table.codes }
    }

    func convert(request: Hipstershop_CurrencyConversionRequest, context: ServerContext) async throws -> Hipstershop_Money {
        guard let amount = try table().convert(request.from, to: request.toCode) else {
            let message = "cannot convert from \"\(request.from.currencyCode)\" to \"\(request.toCode)\""
            throw RPCError(code: .invalidArgument, message: message)
        }
        return amount
    }
}
