namespace KubeProxyNet.Testing.Http2;

/// <summary>Types of frames: RFC 9113 section 6, and RFC 9218 section 7.1.</summary>
public enum Http2FrameType
{
    Data = 0x0,
    Headers = 0x1,
    Priority = 0x2,
    Reset = 0x3,
    Settings = 0x4,
    PushPromise = 0x5,
    Ping = 0x6,
    GoAway = 0x7,
    WindowUpdate = 0x8,
    Continuation = 0x9,
    PriorityUpdate = 0x10,
}

/// <summary>Flags of frames. END_STREAM and ACK are the same bit.</summary>
[Flags]
public enum Http2Flags
{
    None = 0,
    EndStream = 0x1,
    Ack = EndStream,
    EndHeaders = 0x4,
    Padded = 0x8,
    Priority = 0x20,
}

/// <summary>Error codes: RFC 9113 section 7.</summary>
public enum Http2ErrorCode
{
    NoError = 0x0,
    ProtocolError = 0x1,
    InternalError = 0x2,
    FlowControlError = 0x3,
    SettingsTimeout = 0x4,
    StreamClosed = 0x5,
    FrameSizeError = 0x6,
    RefusedStream = 0x7,
    Cancel = 0x8,
    CompressionError = 0x9,
    ConnectError = 0xa,
    EnhanceYourCalm = 0xb,
    InadequateSecurity = 0xc,
    Http11Required = 0xd,
}

/// <summary>Settings: RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1.</summary>
public enum Http2SettingId
{
    HeaderTableSize = 0x1,
    EnablePush = 0x2,
    MaxConcurrentStreams = 0x3,
    InitialWindowSize = 0x4,
    MaxFrameSize = 0x5,
    MaxHeaderListSize = 0x6,
    EnableConnectProtocol = 0x8,
    NoRfc7540Priorities = 0x9,
}

/// <summary>One setting and its value.</summary>
public readonly record struct Http2Setting(Http2SettingId Id, uint Value);
