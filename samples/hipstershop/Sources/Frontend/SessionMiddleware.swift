import Foundation
import HTTPTypes
import Hummingbird
import ServiceLifecycle

/// Knows the user by a cookie, writes the log, passes the trace headers on, and turns a failure into a page.
struct SessionMiddleware: RouterMiddleware {
    typealias Context = ShopContext

    static let sessionCookie = "shop_session-id"
    static let currencyCookie = "shop_currency"
    static let cookieSeconds = 172_800
    /// The user of everyone where `ENABLE_SINGLE_SHARED_SESSION` says so.
    static let sharedSession = "12345678-1234-1234-1234-123456789123"

    let site: Site
    let log: ServiceLog
    let pages: Pages
    let disturbance: Disturbance

    func handle(
        _ request: Request, context: ShopContext, next: (Request, ShopContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestIdentifier = Chance.identifier()
        context.currency = request.cookies[Self.currencyCookie]?.value ?? ShopContext.standardCurrency
        let known = request.cookies[Self.sessionCookie]?.value ?? ""
        context.session = !known.isEmpty ? known : site.sharesSession ? Self.sharedSession : Chance.identifier()
        let started = Date()
        var response = await answer(request, context: context, next: next)
        if known.isEmpty {
            response.setCookie(
                Cookie(name: Self.sessionCookie, value: context.session, maxAge: Self.cookieSeconds, path: "/"))
        }
        if !site.version.isEmpty, let name = HTTPField.Name("x-service-version") { response.headers[name] = site.version }
        log.write(
            "request",
            [
                "http.req.path": request.uri.path, "http.req.method": request.method.rawValue,
                "http.req.id": context.requestIdentifier, "session": context.session,
                "http.resp.status": "\(response.status.code)",
                "http.resp.took_ms": "\(Int(Date().timeIntervalSince(started) * 1000))",
                "http.resp.bytes": "\(response.body.contentLength ?? 0)",
            ])
        return response
    }

    private func answer(
        _ request: Request, context: ShopContext, next: (Request, ShopContext) async throws -> Response
    ) async -> Response {
        var trace = TraceContext()
        for name in TraceContext.names {
            guard let field = HTTPField.Name(name), let value = request.headers[field] else { continue }
            trace.fields.append((name, value))
        }
        do {
            return try await TraceContext.$current.withValue(trace) {
                if !request.uri.path.hasSuffix("/_healthz"), try await disturbance.apply() {
                    throw PageFailure(status: .internalServerError, reason: "an error on purpose (ERROR_RATE)")
                }
                return try await next(request, context)
            }
        } catch {
            let failure = PageFailure(error)
            log.write(
                "failed", severity: .error,
                ["http.req.path": request.uri.path, "http.req.id": context.requestIdentifier, "error": failure.reason])
            return pages.error(failure, context: context)
        }
    }
}

/// Why there is no page, and what to say instead.
struct PageFailure: Error {
    let status: HTTPResponse.Status
    let reason: String

    init(status: HTTPResponse.Status, reason: String) {
        self.status = status
        self.reason = reason
    }

    /// Any other error is one of the services behind: 500, also where a product is not known, as the original has it.
    init(_ error: any Error) {
        if let failure = error as? PageFailure {
            self = failure
        } else if let http = error as? any HTTPResponseError {
            self.init(status: http.status, reason: http.status.reasonPhrase)
        } else {
            self.init(status: .internalServerError, reason: "\(error)")
        }
    }
}
