import COpenSSL

/// The thread's queue of OpenSSL errors, emptied. Whoever sees a failure takes it at once: an error left behind would
/// be blamed on the next call.
struct OpenSSLErrorQueue {
    /// OpenSSL keeps 16 errors a thread.
    private static let bound = 16

    /// The oldest error's code, 0 when there was none; the oldest is the cause.
    private(set) var first: UInt = 0
    /// All errors in Envoy's form.
    private(set) var text = ""
    /// The oldest error's reason with the detail that OpenSSL attached to it.
    private(set) var firstReason = ""

    /// Empties the queue of this thread.
    static func take() -> OpenSSLErrorQueue {
        var taken = OpenSSLErrorQueue()
        for _ in 0..<bound {
            var function: UnsafePointer<CChar>?
            var detail: UnsafePointer<CChar>?
            var flags: Int32 = 0
            let code = ERR_get_error_all(nil, nil, &function, &detail, &flags)
            guard code != 0 else { break }
            let reason = string(ERR_reason_error_string(code))
            if taken.first == 0 {
                taken.first = code
                let extra = flags & ERR_TXT_STRING == 0 ? "" : string(detail)
                taken.firstReason = extra.isEmpty ? reason : "\(reason) (\(extra))"
            }
            taken.text += "|\(code):\(string(ERR_lib_error_string(code))):\(string(function)):\(reason)"
        }
        if !taken.text.isEmpty { taken.text = "TLS_error:\(taken.text):TLS_error_end" }
        return taken
    }

    /// Whether the oldest error is this one of this library.
    func isLed(by library: Int32, _ reason: Int32) -> Bool {
        ERR_GET_LIB(first) == library && ERR_GET_REASON(first) == reason
    }

    /// The TLS alert of the peer that the oldest error stands for.
    var peerAlert: Int? {
        let reason = Int(ERR_GET_REASON(first))
        guard ERR_GET_LIB(first) == ERR_LIB_SSL, reason >= Int(SSL_AD_REASON_OFFSET) else { return nil }
        return reason - Int(SSL_AD_REASON_OFFSET)
    }

    // Safety: OpenSSL's texts are static or live until the next call on the queue; they are copied here.
    private static func string(_ text: UnsafePointer<CChar>?) -> String {
        guard let text else { return "" }
        return String(cString: text)
    }
}

extension TLSError {
    /// An error of this code with what OpenSSL has in its queue, which is emptied.
    static func fromQueue(_ code: Code, _ reason: String) -> TLSError {
        let queue = OpenSSLErrorQueue.take()
        let cause = queue.firstReason
        return TLSError(code, cause.isEmpty ? reason : "\(reason): \(cause)", openSSLText: queue.text)
    }
}
