import DataPlane
import Testing

/// The machine against a model that keeps every request and connection in plain sight, driven at random from a seed.
struct ConnectionPoolSimulationTests {
    /// What is known of one connection, from outside.
    private struct Link {
        var isUp = false
        var capacity = 0
        var requests: Set<UInt64> = []
        var served = 0
        var takesNoMore = false
        var closing = false
    }

    /// Performs what the machine says, as the shell does, and checks that it is legal.
    private struct Model: ~Copyable {
        var machine: ConnectionPoolStateMachine
        let maximumRequests: Int
        let maximumConnections: Int
        let maximumWaiting: Int
        var links: [Int: Link] = [:]
        var waiting: [UInt64] = []
        var outcomes: [UInt64: String] = [:]
        var last: UInt64 = 0

        init(maximumRequests: Int, maximumConnections: Int, maximumWaiting: Int) {
            machine = ConnectionPoolStateMachine(maximumRequests: UInt64(maximumRequests))
            self.maximumRequests = maximumRequests
            self.maximumConnections = maximumConnections
            self.maximumWaiting = maximumWaiting
        }

        var mayConnect: Bool { links.count < maximumConnections }

        mutating func assign(_ request: UInt64, _ number: Int) {
            guard var link = links[number] else {
                Issue.record("request \(request) goes out on \(number), which is no connection")
                return
            }
            #expect(link.isUp && !link.takesNoMore && !link.closing, "request \(request) on \(number)")
            #expect(link.requests.count < link.capacity, "capacity of \(number) exceeded")
            link.requests.insert(request)
            link.served += 1
            if maximumRequests > 0 { #expect(link.served <= maximumRequests) }
            links[number] = link
        }

        mutating func open(_ number: Int, expected: Int) {
            #expect(links[number] == nil, "\(number) is opened twice")
            #expect(mayConnect || links.isEmpty, "a connection over the limit")
            links[number] = Link(capacity: expected)
        }

        mutating func perform(_ action: ConnectionPoolStateMachine.FollowUp) {
            switch action {
            case .nothing: break
            case .assign(let request, let number):
                #expect(waiting.first == request, "somebody else has waited longer")
                waiting.removeAll { $0 == request }
                assign(request, number)
            case .connect(let number): open(number, expected: 1)
            case .close(let number, let replace):
                #expect(links[number]?.requests.isEmpty == true, "\(number) is closed under a request")
                links[number]?.closing = true
                if let replace { open(replace, expected: 1) }
            }
        }

        mutating func pump() {
            while true {
                let next = machine.next()
                if next == .nothing { return }
                perform(next)
            }
        }

        mutating func acquire(expected: Int) {
            last += 1
            let mayWait = waiting.count < maximumWaiting
            switch machine.acquire(last, mayConnect: mayConnect, mayWait: mayWait, expectedCapacity: expected) {
            case .use(let number):
                assign(last, number)
            case .wait(let connect):
                #expect(mayWait)
                waiting.append(last)
                if let connect { open(connect, expected: expected) }
            case .refuse:
                #expect(!mayWait, "refused though it might have waited")
                outcomes[last] = "refused"
            }
        }

        mutating func end(_ number: Int, _ request: UInt64, reusable: Bool) {
            links[number]?.requests.remove(request)
            if !reusable || maximumRequests > 0 && links[number]?.served == maximumRequests { links[number]?.takesNoMore = true }
            outcomes[request] = "answered"
            perform(machine.ended(number, reusable: reusable, mayConnect: mayConnect))
        }

        mutating func close(_ number: Int) {
            for request in links[number]?.requests ?? [] { outcomes[request] = "reset" }
            links[number] = nil
            perform(machine.closed(number, mayConnect: mayConnect))
        }

        mutating func fail(_ number: Int) {
            links[number] = nil
            for request in machine.failed(number) {
                #expect(waiting.contains(request))
                waiting.removeAll { $0 == request }
                outcomes[request] = "connect failure"
            }
        }

        func check() {
            let (count, connecting) = (machine.count, machine.connecting)
            let (active, waits) = (machine.active, machine.waitingCount)
            #expect(count == links.count)
            #expect(connecting == links.values.count { !$0.isUp })
            #expect(active == links.values.reduce(0) { $0 + $1.requests.count })
            #expect(waits == waiting.count)
            #expect(waiting.count <= maximumWaiting)
            #expect(waiting.isEmpty || !links.isEmpty, "\(waiting.count) wait for nothing")
        }
    }

    @Test("no request is lost, no capacity exceeded, no limit passed", arguments: UInt64(1)...60)
    func random(seed: UInt64) {
        var random = Generator(seed: seed)
        let isHTTP2 = seed % 2 == 0
        var model = Model(
            maximumRequests: seed % 3 == 0 ? 5 : 0, maximumConnections: Int.random(in: 1...6, using: &random),
            maximumWaiting: Int.random(in: 0...20, using: &random))
        for _ in 0..<1_500 {
            let numbers = model.links.keys.sorted()
            let number = numbers.randomElement(using: &random)
            let link = number.flatMap { model.links[$0] }
            switch Int.random(in: 0..<12, using: &random) {
            case 0...3: model.acquire(expected: isHTTP2 ? 3 : 1)
            case 4, 5:
                guard let number, let link, !link.isUp else { continue }
                let capacity = isHTTP2 ? Int.random(in: 1...5, using: &random) : 1
                model.links[number]?.isUp = true
                model.links[number]?.capacity = capacity
                model.machine.connected(number, capacity: capacity)
                model.pump()
            case 6...8:
                guard let number, let link, let request = link.requests.sorted().randomElement(using: &random) else { continue }
                model.end(number, request, reusable: Int.random(in: 0..<8, using: &random) != 0)
            case 9:
                guard let request = model.waiting.randomElement(using: &random) else { continue }
                let isCancelled = model.machine.cancel(request)
                #expect(isCancelled)
                model.waiting.removeAll { $0 == request }
                model.outcomes[request] = "given up"
            case 10:
                guard let number, let link else { continue }
                if !link.isUp {
                    model.fail(number)
                } else {
                    model.close(number)
                }
            default:
                guard isHTTP2, let number, let link, link.isUp, !link.closing else { continue }
                if Bool.random(using: &random) {
                    model.links[number]?.takesNoMore = true
                    model.perform(model.machine.drained(number, mayConnect: model.mayConnect))
                } else {
                    let capacity = Int.random(in: 1...5, using: &random)
                    model.links[number]?.capacity = capacity
                    model.machine.capacityChanged(number, to: capacity)
                    model.pump()
                }
            }
            // The shell closes what it was told to, sooner or later.
            if let closing = model.links.keys.sorted().first(where: { model.links[$0]?.closing == true }),
                Bool.random(using: &random)
            {
                model.close(closing)
            }
            model.check()
        }
        settle(&model)
        #expect(model.waiting.isEmpty)
        #expect(UInt64(model.outcomes.count) == model.last, "every request has come to one end")
    }

    /// Lets everything that is under way come to its end.
    private func settle(_ model: inout Model) {
        for _ in 0..<10_000 {
            guard let number = model.links.keys.min(), let link = model.links[number] else { return }
            if link.closing || link.requests.isEmpty && link.isUp {
                model.close(number)
            } else if !link.isUp {
                model.links[number]?.isUp = true
                model.links[number]?.capacity = 1
                model.machine.connected(number, capacity: 1)
                model.pump()
            } else if let request = link.requests.min() {
                model.end(number, request, reusable: true)
            }
            model.check()
        }
        Issue.record("it does not come to an end")
    }
}
