using KubeProxyNet.Proxy.Http.Http2.Frames;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>
/// How large windows need to be: twice what comes in the time of a round trip, so that the peer never waits for one (bandwidth × delay). A PING that goes out beside a
/// WINDOW_UPDATE measures that without a clock: what has come when its answer does is what a round trip brings. Where the window was what held the peer up, that is the
/// window itself, which so doubles with each round trip; where it was not, it stays as it is.
/// </content>
internal abstract partial class Http2Connection
{
    /// <summary>What these PING frames carry, by which their answers are known.</summary>
    private const ulong RoundTripPing = 0x6b706e2d72747431;

    /// <summary>Bytes between two measurements once several in a row have found the windows large enough.</summary>
    private const long MaxMeasureGap = 64 * 1024 * 1024;

    private int _windowNeeded;
    private bool _isMeasuring;
    private long _measuredFrom;
    private long _measureAgainAt;
    private long _measureGap;

    /// <summary>What the window of the connection is brought back to: no less than one stream may need.</summary>
    private int ConnectionWindow => Math.Max(Options.InitialConnectionWindow, _windowNeeded);

    /// <summary>A stream's window has been opened again: half of it has come and was taken. One PING at a time, and the fewer the less they find.</summary>
    private void MeasureRoundTrip()
    {
        var received = Connection.BytesReceived;
        if (!_isMeasuring && _sharing == Sharing.Free && received >= _measureAgainAt && Math.Max(_windowNeeded, Options.InitialStreamWindow) < Options.MaxStreamWindow)
        {
            _isMeasuring = true;
            _measuredFrom = received;
            WritePing(RoundTripPing, FrameFlags.None);
        }
    }

    /// <summary>The PING was answered.</summary>
    private void EndRoundTrip()
    {
        _isMeasuring = false;
        var needed = (int)Math.Min(Options.MaxStreamWindow, 2 * (Connection.BytesReceived - _measuredFrom));
        if (needed > Math.Max(_windowNeeded, Options.InitialStreamWindow))
        {
            _windowNeeded = needed;
            _measureGap = 0;
        }
        else
        {
            _measureGap = Math.Min(MaxMeasureGap, Math.Max(Options.InitialStreamWindow, 2 * _measureGap));
        }

        _measureAgainAt = Connection.BytesReceived + _measureGap;
    }
}
