import Glibc

/// A thread of the library. It blocks all signals, which belong to the host.
package struct LibraryThread {
    private let handle: pthread_t
    private static let smallestStack = 1 << 20

    package static func start(_ body: @escaping @Sendable () -> Void) -> Syscalls.Result<LibraryThread> {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let context = Unmanaged.passRetained(Body(run: body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        // Not the process's default stack size, which the host may have changed: its callbacks may run there.
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
            return .failure(SystemError(error))
        }
        return .success(LibraryThread(handle: handle))
    }

    /// Unblocks SIGBUS in the calling thread, which uses a mapping that other programs may truncate: if the signal
    /// were blocked, the kernel would end the process.
    package static func receiveBusErrors() {
        var only = sigset_t()
        sigemptyset(&only)
        sigaddset(&only, SIGBUS)
        pthread_sigmask(SIG_UNBLOCK, &only, nil)
    }

    /// Waits for its end. The thread itself doesn't wait, but is detached.
    package func join() {
        if pthread_equal(handle, pthread_self()) == 0 {
            pthread_join(handle, nil)
        } else {
            pthread_detach(handle)
        }
    }

    /// Detaches the thread, which ends by itself.
    package func detach() { pthread_detach(handle) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
