import Glibc

/// A thread of the library's. It gets no signals, which are the host's.
package struct LibraryThread {
    private let handle: pthread_t
    private static let smallestStack = 1 << 20

    /// - Returns: the thread, or the errno why there is none.
    package static func start(_ body: @escaping @Sendable () -> Void) -> (
        thread: LibraryThread?, error: Int32
    ) {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let context = Unmanaged.passRetained(Body(run: body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        // Whatever the host has made the usual size: its callbacks may run there too.
        var stack = 0
        if pthread_attr_getstacksize(&attributes, &stack) == 0, stack < smallestStack {
            pthread_attr_setstacksize(&attributes, smallestStack)
        }
        var handle = pthread_t()
        let error = pthread_create(
            &handle, &attributes,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, context.toOpaque())
        guard error == 0 else {
            context.release()
            return (nil, error)
        }
        return (LibraryThread(handle: handle), 0)
    }

    /// The calling thread touches a mapping that others may cut: the kernel ends a process in which a
    /// thread meets SIGBUS and has it blocked.
    static func receiveBusErrors() {
        var only = sigset_t()
        sigemptyset(&only)
        sigaddset(&only, SIGBUS)
        pthread_sigmask(SIG_UNBLOCK, &only, nil)
    }

    /// Waits for its end; a thread that would wait for itself is let go.
    package func join() {
        if pthread_equal(handle, pthread_self()) == 0 {
            pthread_join(handle, nil)
        } else {
            pthread_detach(handle)
        }
    }

    /// It ends by itself.
    package func detach() { pthread_detach(handle) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
