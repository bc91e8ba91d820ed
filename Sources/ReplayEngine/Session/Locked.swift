import ReplayLog

/// The same for the targets above, which do not know the log.
package typealias Locked<Value> = ReplayLog.Locked<Value>
