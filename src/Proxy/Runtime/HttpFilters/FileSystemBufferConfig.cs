using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Routing;

namespace KubeProxyNet.Proxy.Runtime.HttpFilters;

/// <summary>What the file system buffer does with the bodies of one direction: Envoy's <c>BufferBehavior</c>.</summary>
public enum BufferBehavior : byte
{
    /// <summary>Bodies go on as they come, no faster than they are taken. The default.</summary>
    StreamWhenPossible,

    /// <summary>Nothing is done.</summary>
    Bypass,

    /// <summary>A body without Content-Length is held until it is whole and gets one; others go on as they come.</summary>
    InjectContentLengthIfNecessary,

    /// <summary>Every body is held until it is whole, and goes on with a Content-Length.</summary>
    FullyBufferAndAlwaysInjectContentLength,

    /// <summary>Every body is held until it is whole, and goes on framed as it came.</summary>
    FullyBuffer,
}

/// <summary>What a filter or a route says of the bodies of one direction: Envoy's <c>StreamConfig</c>, less what concerns disks.</summary>
/// <param name="Behavior">What is done; null to leave it to whoever is less specific, in the end <see cref="BufferBehavior.StreamWhenPossible"/>.</param>
/// <param name="MaxBytes">Longest body that is held, in bytes; null to leave it to whoever is less specific, in the end 1 MiB.</param>
public sealed record StreamBufferSettings(BufferBehavior? Behavior = null, int? MaxBytes = null)
{
    /// <summary>These settings, completed by less specific ones.</summary>
    internal StreamBufferSettings Over(StreamBufferSettings other) => new(Behavior ?? other.Behavior, MaxBytes ?? other.MaxBytes);
}

/// <summary>What is done with the bodies of one direction of an exchange. The default does nothing.</summary>
/// <param name="Behavior">What is done.</param>
/// <param name="MaxBytes">Longest body that is held, in bytes.</param>
internal readonly record struct StreamBuffering(BufferBehavior Behavior, int MaxBytes)
{
    private const int DefaultMaxBytes = 1024 * 1024;

    /// <summary>True where some bodies are held.</summary>
    public bool IsOn => Behavior >= BufferBehavior.InjectContentLengthIfNecessary;

    /// <summary>True where a body that is held goes on with its length.</summary>
    public bool InjectsLength => Behavior != BufferBehavior.FullyBuffer;

    /// <summary>What a route's settings come to, over those of the filter.</summary>
    public static StreamBuffering Of(StreamBufferSettings? ofRoute, StreamBufferSettings ofFilter) =>
        new(ofRoute?.Behavior ?? ofFilter.Behavior ?? BufferBehavior.StreamWhenPossible, ofRoute?.MaxBytes ?? ofFilter.MaxBytes ?? DefaultMaxBytes);

    /// <summary>True where a body with this framing is held.</summary>
    public bool Holds(BodyFraming framing) => IsOn && !framing.IsEmpty && (Behavior != BufferBehavior.InjectContentLengthIfNecessary || framing.Kind != BodyKind.ContentLength);
}

/// <summary>
/// Holds requests and responses back until they are whole, so that whoever sends them slowly occupies nobody at the other end, and bounds how long they may be.
/// Envoy's <c>envoy.filters.http.file_system_buffer</c>, of which only the memory is there: nothing is written to disks.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Request">What becomes of requests.</param>
/// <param name="Response">What becomes of responses.</param>
public sealed record FileSystemBufferConfig(string Name, StreamBufferSettings Request, StreamBufferSettings Response) : HttpFilterConfig(Name);

/// <summary>What a route says of the file system buffer; what it leaves out is as less specific levels have it.</summary>
/// <param name="Request">What becomes of requests.</param>
/// <param name="Response">What becomes of responses.</param>
public sealed record FileSystemBufferRouteSettings(StreamBufferSettings Request, StreamBufferSettings Response) : RouteFilterSettings
{
    /// <inheritdoc/>
    public override RouteFilterSettings Over(RouteFilterSettings? other) =>
        other is FileSystemBufferRouteSettings less ? new FileSystemBufferRouteSettings(Request.Over(less.Request), Response.Over(less.Response)) : this;
}
