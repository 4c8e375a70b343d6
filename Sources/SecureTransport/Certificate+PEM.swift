import COpenSSL

extension Certificate {
    /// The certificate as PEM, lines of 64 characters, with the last line's end.
    package var pem: String {
        guard let printed = MemoryBIO(), PEM_write_bio_X509(printed.pointer, pointer) == 1 else { return "" }
        return printed.text
    }

    /// The PEM as Envoy puts it into `x-forwarded-client-cert` and hands it to Lua.
    package var urlEncodedPEM: String { Self.urlEncoded(pem) }

    /// PEM for the inside of a header: what PEM can hold and a header value or a query string cannot becomes `%XX`.
    package static func urlEncoded(_ pem: String) -> String {
        var text: [UInt8] = []
        for byte in pem.utf8 {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: " "), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
                text.append(UInt8(ascii: "%"))
                text += Hexadecimal.text(CollectionOfOne(byte)).uppercased().utf8
            default:
                text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// All certificates of a PEM text, in order; other text between them is skipped.
    ///
    /// - Parameter name: what the text is, for the error.
    package static func parsePEM(_ bytes: [UInt8], code: TLSError.Code, name: String) throws(TLSError) -> [Certificate] {
        var certificates: [Certificate] = []
        ERR_clear_error()
        bytes.withUnsafeBytes { bytes in
            guard let input = MemoryBIO(reading: bytes) else { return }
            while let read = PEM_read_bio_X509(input.pointer, nil, refuseToPrompt, nil) {
                certificates.append(Certificate(owning: read))
            }
        }
        // The reader ends by failing: with "no start line" when all was read.
        let queue = OpenSSLErrorQueue.take()
        guard queue.isLed(by: ERR_LIB_PEM, PEM_R_NO_START_LINE) else {
            throw TLSError(
                code, "\(name): certificate \(certificates.count + 1) cannot be read: \(queue.firstReason)",
                openSSLText: queue.text)
        }
        guard !certificates.isEmpty else {
            throw TLSError(code, "\(name): holds no PEM certificate (expected -----BEGIN CERTIFICATE-----)")
        }
        return certificates
    }
}

/// OpenSSL's default asks for the password on the terminal; a server has none.
func refuseToPrompt(
    _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }
