using System.Buffers.Binary;
using KubeProxyNet.Proxy.Http.Http2.Frames;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>
/// Who may bring how much while much is unread, so that readers who do not come stop their own streams only. As long as little is unread every stream has its full window,
/// and their sum is more than the connection's. Once much is, SETTINGS_INITIAL_WINDOW_SIZE takes the windows of all streams away but for a floor (RFC 9113 section 6.9.2), and those
/// whose readers come are given their share: an eighth of what is free or, with many streams, less, as in a switch whose ports share one memory (dynamic thresholds). What streams may bring then stays below the
/// bound of the connection, whose own window stops nobody any more.
/// </content>
internal abstract partial class Http2Connection
{
    /// <summary>Of what is free, a stream may have one in so many where few are open.</summary>
    private const int SharesOfFree = 8;

    /// <summary>What a stream may always bring, where few may be open and where many may.</summary>
    private const int LargestFloor = 16 * 1024;

    private const int SmallestFloor = 256;

    /// <summary>What windows are given back, so that no share brings one beyond 2^31 - 1.</summary>
    private const int LargestRestored = 1 << 30;

    /// <summary>A share below which a stream is better off on another connection.</summary>
    private const int PoorShare = 16 * 1024;

    private Sharing _sharing;
    private int _unacknowledgedSettings;
    private int _initialWindow;
    private int _floor;
    private long _floors;
    private long _claimed;
    private int _lastCutStreamId;
    private int _cut;
    private long _grown;

    private enum Sharing : byte
    {
        /// <summary>Every stream has its full window.</summary>
        Free,

        /// <summary>The peer was told to make windows small, and has not confirmed it.</summary>
        Asked,

        /// <summary>Streams have shares.</summary>
        Tight,
    }

    /// <summary>True where little more may come, since readers who do not come have left too much: streams are better off elsewhere.</summary>
    public bool IsClogged => _sharing switch
    {
        Sharing.Free => false,
        Sharing.Asked => _receiveWindow < ConnectionWindow / 8,
        _ => FreeToShare < SharesOfFree * PoorShare,
    };

    /// <summary>Bytes that may be unread while streams have shares; the floors come on top.</summary>
    private long MostShared => (long)ConnectionWindow * 7 / 4;

    private long FreeToShare => MostShared - _claimed;

    /// <summary>Bytes of the connection that may be unread or on their way.</summary>
    private long MostUnread => _sharing == Sharing.Tight ? MostShared + _floors : ConnectionWindow;

    /// <summary>What a stream may bring beyond its window: some servers confirm that windows are small before they make them so (Kestrel). The connection's window bounds that.</summary>
    private int Overdraft => _sharing == Sharing.Tight ? _cut : 0;

    /// <summary>What a stream holds or may bring has changed.</summary>
    public void CountClaim(Http2Stream stream)
    {
        if (_sharing == Sharing.Tight)
        {
            var window = stream.IsRemoteEnded || stream.ResetCode is not null ? 0 : Math.Max(0, stream.ReceiveWindow);
            var claim = Math.Max(0, stream.Kept + window - _floor);
            _claimed += claim - stream.Claim;
            stream.Claim = claim;
        }
    }

    private void ForgetClaim(Http2Stream stream)
    {
        _claimed -= stream.Claim;
        stream.Claim = 0;
        _grown -= stream.WindowTarget - Options.InitialStreamWindow;
    }

    /// <summary>Bytes that a stream may hold and bring together.</summary>
    private int ShareOf(Http2Stream stream) => _sharing == Sharing.Tight
        ? (int)Math.Clamp((FreeToShare + stream.Claim) / (SharesOfFree + (_streams.Count / 4)), Math.Min(_floor, stream.WindowTarget), stream.WindowTarget)
        : stream.WindowTarget;

    /// <summary>A reader keeps pace: his window may become what a round trip brings, as long as what all have more than others is no more than the connection's.</summary>
    private void Grow(Http2Stream stream)
    {
        var growth = _windowNeeded - stream.WindowTarget;
        if (_sharing == Sharing.Free && _grown + growth <= ConnectionWindow)
        {
            _grown += growth;
            stream.WindowTarget = _windowNeeded;
        }
    }

    /// <summary>More is unread than before, or less.</summary>
    private void Share()
    {
        if (IsOver || _unacknowledgedSettings > 0)
        {
            return;
        }

        if (_sharing == Sharing.Free && _buffered > ConnectionWindow / 2)
        {
            Tighten();
        }
        else if (_sharing == Sharing.Tight && _buffered < ConnectionWindow / 8)
        {
            Loosen();
        }
    }

    private void Tighten()
    {
        var streams = (int)Math.Clamp(IsServer ? Options.MaxConcurrentStreams : Math.Min((uint)Options.MaxConcurrentStreams, Peer.MaxConcurrentStreams), 1, int.MaxValue);
        _floor = Math.Min(Options.InitialStreamWindow, Math.Clamp(ConnectionWindow / 4 / streams, SmallestFloor, LargestFloor));
        _floors = (long)_floor * streams;
        _sharing = Sharing.Asked;
        WriteInitialWindow(_floor);

        // Streams that we open from here on begin with it. Those of the peer do once it has said that it knows.
        _cut = _initialWindow - _floor;
        _lastCutStreamId = IsServer ? int.MaxValue : LastOwnStreamId;
        _initialWindow = IsServer ? _initialWindow : _floor;
    }

    /// <summary>The peer knows the settings that were sent last.</summary>
    private void OnSettingsAcknowledged()
    {
        _unacknowledgedSettings--;
        if (_sharing != Sharing.Asked)
        {
            return;
        }

        _sharing = Sharing.Tight;
        _initialWindow = _floor;
        _claimed = 0;
        foreach (var stream in _streams.Values)
        {
            stream.ReceiveWindow -= stream.Id <= _lastCutStreamId ? _cut : 0;
            stream.Claim = 0;
            CountClaim(stream);
        }

        foreach (var stream in _streams.Values)
        {
            // Whose reader is about to take bytes gets his share then.
            if (stream.Kept == 0 && stream.ReceiveWindow < _floor)
            {
                CreditStream(stream);
            }
        }

        CreditConnection();
    }

    private void Loosen()
    {
        var window = Math.Min(Options.InitialStreamWindow, LargestRestored);
        _sharing = Sharing.Free;
        WriteInitialWindow(window);

        // It may be used from the moment that the peer knows of it, which it does not say before it uses it.
        foreach (var stream in _streams.Values)
        {
            stream.ReceiveWindow += window - _initialWindow;
            stream.Claim = 0;
        }

        _initialWindow = window;
        _claimed = 0;
    }

    private void WriteInitialWindow(int window)
    {
        _unacknowledgedSettings++;
        var payload = WriteFrame(PeerSettings.EntrySize, FrameType.Settings, FrameFlags.None, 0);
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)SettingId.InitialWindowSize);
        BinaryPrimitives.WriteUInt32BigEndian(payload[sizeof(ushort)..], (uint)window);
    }
}
