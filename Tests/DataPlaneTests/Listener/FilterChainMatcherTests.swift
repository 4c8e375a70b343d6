import Bytes
import DataPlane
import Testing

struct AddressRangeTests {
    @Test(
        "an address lies in a range or not, to the bit",
        arguments: [
            ("10.0.0.0", 8, "10.255.255.255", true), ("10.0.0.0", 8, "11.0.0.0", false), ("10.1.2.3", 32, "10.1.2.3", true),
            ("10.1.2.3", 32, "10.1.2.2", false), ("10.1.2.3", 31, "10.1.2.2", true), ("0.0.0.0", 0, "255.255.255.255", true),
            ("128.0.0.0", 1, "127.255.255.255", false), ("2001:db8::", 32, "2001:db8:ffff::1", true),
            ("2001:db8::", 32, "2001:db9::", false), ("2001:db8::", 64, "2001:db8:0:0:ffff::", true),
            ("2001:db8::", 65, "2001:db8:0:0:ffff::", false), ("2001:db8::", 127, "2001:db8::1", true),
            ("2001:db8::", 128, "2001:db8::1", false), ("::", 0, "ffff::", true), ("::", 0, "1.2.3.4", false),
            ("0.0.0.0", 0, "::1", false), ("10.0.0.0", 99, "10.0.0.0", true), ("10.0.0.0", -1, "11.0.0.0", true),
        ])
    func contains(ip: String, length: Int, address: String, expected: Bool) throws {
        let range = AddressRange(try #require(SocketAddress.IP(ip)), length: length)
        #expect(range.contains(try #require(SocketAddress.IP(address))) == expected)
    }
}

struct FilterChainMatcherTests {
    private func facts(
        local: String = "10.0.0.1:443", remote: String = "192.0.2.9:5000", direct: String? = nil, name: String = "", isTLS: Bool = false,
        protocols: [String] = []
    ) throws -> ConnectionFacts {
        let remote = try #require(SocketAddress(remote))
        var facts = ConnectionFacts(
            local: try #require(SocketAddress(local)), remote: remote, directRemote: try direct.map { try #require(SocketAddress($0)) } ?? remote)
        facts.serverName = name
        facts.isTLS = isTLS
        facts.applicationProtocols = protocols
        return facts
    }

    private func chain(_ change: (inout FilterChainCriteria) -> Void) -> FilterChainCriteria {
        var criteria = FilterChainCriteria()
        change(&criteria)
        return criteria
    }

    private func range(_ ip: String, _ length: Int) throws -> AddressRange { AddressRange(try #require(SocketAddress.IP(ip)), length: length) }

    @Test("a chain without criteria takes what no other takes; without one, the connection is refused")
    func fallback() throws {
        let port = chain { $0.destinationPort = 80 }
        #expect(FilterChainMatcher([port, FilterChainCriteria()]).match(try facts()) == 1)
        #expect(FilterChainMatcher([port]).match(try facts()) == nil)
        #expect(FilterChainMatcher([]).match(try facts()) == nil)
    }

    @Test("a port, and the longest range of addresses, win over chains that do not ask")
    func destination() throws {
        let wide = try range("10.0.0.0", 8)
        let narrow = try range("10.0.0.0", 24)
        let matcher = FilterChainMatcher([
            FilterChainCriteria(), chain { $0.destinationRanges = [wide] }, chain { $0.destinationRanges = [narrow] },
            chain { $0.destinationPort = 8443 },
        ])
        #expect(matcher.match(try facts(local: "10.0.0.1:443")) == 2)
        #expect(matcher.match(try facts(local: "10.9.0.1:443")) == 1)
        #expect(matcher.match(try facts(local: "172.16.0.1:443")) == 0)
        #expect(matcher.match(try facts(local: "10.0.0.1:8443")) == 3)
    }

    @Test(
        "a server name: exact before wildcard, the longest wildcard first, letters of either case alike",
        arguments: [
            ("a.b.example.com", 1), ("A.B.Example.COM", 1), ("x.b.example.com", 2), ("y.x.b.example.com", 2), ("x.example.com", 3),
            ("example.com", 0), ("badexample.com", 0), ("", 0),
        ])
    func serverNames(name: String, expected: Int) throws {
        let matcher = FilterChainMatcher([
            FilterChainCriteria(), chain { $0.serverNames = ["a.b.example.com"] }, chain { $0.serverNames = ["*.b.example.com"] },
            chain { $0.serverNames = ["*.example.com"] },
        ])
        #expect(matcher.match(try facts(name: name, isTLS: true)) == expected)
    }

    @Test("TLS or not, and the client's first wish among the application protocols")
    func protocols() throws {
        let matcher = FilterChainMatcher([
            chain { $0.transportProtocol = "raw_buffer" }, chain { $0.transportProtocol = "tls" },
            chain {
                $0.transportProtocol = "tls"
                $0.applicationProtocols = ["h2"]
            },
            chain {
                $0.transportProtocol = "tls"
                $0.applicationProtocols = ["http/1.1"]
            },
        ])
        #expect(matcher.match(try facts()) == 0)
        #expect(matcher.match(try facts(isTLS: true)) == 1)
        #expect(matcher.match(try facts(isTLS: true, protocols: ["spdy", "h2", "http/1.1"])) == 2)
        #expect(matcher.match(try facts(isTLS: true, protocols: ["http/1.1", "h2"])) == 3)
    }

    @Test("the sender: direct range, kind of source, range, port")
    func source() throws {
        let near = try range("192.0.2.0", 24)
        let proxy = try range("198.51.100.0", 24)
        let matcher = FilterChainMatcher([
            FilterChainCriteria(), chain { $0.directSourceRanges = [proxy] }, chain { $0.sourceType = .sameAddressOrLoopback },
            chain { $0.sourceRanges = [near] },
            chain {
                $0.sourceRanges = [near]
                $0.sourcePorts = [5000, 5001]
            },
        ])
        #expect(matcher.match(try facts(direct: "198.51.100.7:1")) == 1)
        #expect(matcher.match(try facts(remote: "127.0.0.1:5000")) == 2)
        #expect(matcher.match(try facts(remote: "10.0.0.1:5000")) == 2, "its own address is local")
        #expect(matcher.match(try facts(remote: "192.0.2.9:5001")) == 4)
        #expect(matcher.match(try facts(remote: "192.0.2.9:6000")) == 3)
        #expect(matcher.match(try facts(remote: "203.0.113.1:5000")) == 0)
    }

    @Test("each criterion comes before the next, whatever the later ones would say")
    func order() throws {
        let all = try range("0.0.0.0", 0)
        let exact = try range("192.0.2.9", 32)
        let steps: [FilterChainCriteria] = [
            chain { $0.sourcePorts = [5000] }, chain { $0.sourceRanges = [exact] }, chain { $0.sourceType = .external },
            chain { $0.directSourceRanges = [all] }, chain { $0.applicationProtocols = ["h2"] }, chain { $0.transportProtocol = "tls" },
            chain { $0.serverNames = ["*.example"] }, chain { $0.destinationRanges = [all] }, chain { $0.destinationPort = 443 },
        ]
        let connection = try facts(name: "a.example", isTLS: true, protocols: ["h2"])
        for count in 1...steps.count {
            #expect(FilterChainMatcher(Array(steps[..<count])).match(connection) == count - 1)
        }
    }

    @Test("there is no way back: the best server name decides, even where its chain then fails")
    func noBacktracking() throws {
        let matcher = FilterChainMatcher([
            chain { $0.serverNames = ["*.example"] },
            chain {
                $0.serverNames = ["a.example"]
                $0.sourcePorts = [1]
            },
        ])
        #expect(matcher.match(try facts(name: "a.example", isTLS: true)) == nil)
        #expect(matcher.match(try facts(name: "b.example", isTLS: true)) == 0)
    }

    @Test("a choice needs the ClientHello only where a criterion asks for what stands in it")
    func clientHello() {
        #expect(!FilterChainMatcher([chain { $0.destinationPort = 1 }]).needsClientHello)
        #expect(FilterChainMatcher([FilterChainCriteria(), chain { $0.serverNames = ["a"] }]).needsClientHello)
        #expect(FilterChainMatcher([chain { $0.transportProtocol = "tls" }]).needsClientHello)
        #expect(FilterChainMatcher([chain { $0.applicationProtocols = ["h2"] }]).needsClientHello)
    }
}
