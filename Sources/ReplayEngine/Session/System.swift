import ReplaySystem

package typealias Locked<Value> = ReplaySystem.Locked<Value>
typealias Monitor = ReplaySystem.Monitor
package typealias ByteText = ReplaySystem.ByteText
typealias CheckedMemory = ReplaySystem.CheckedMemory
typealias LibraryThread = ReplaySystem.LibraryThread
typealias SystemError = ReplaySystem.SystemError
/// Bytes for the guest or the log.
typealias Payload = RawBuffer
