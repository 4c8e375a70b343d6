import HTTPCodec

extension HTTP1Error {
    /// What the body of the answer says.
    var replyBody: String {
        switch requestStatus {
        case 426: "Upgrade Required"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 505: "HTTP Version Not Supported"
        case 417: "Expectation Failed"
        default: "Bad Request"
        }
    }
}
