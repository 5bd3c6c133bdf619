using Envoy.Extensions.Filters.Http.FileSystemBuffer.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Xds.Validation;
using BehaviorMessage = Envoy.Extensions.Filters.Http.FileSystemBuffer.V3.BufferBehavior;
using BufferBehavior = KubeProxyNet.Proxy.Runtime.HttpFilters.BufferBehavior;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the file system buffer into records. Nothing is written to disks here, so whoever counts on that is told.</summary>
internal static class FileSystemBufferTranslator
{
    private const string Remedy = "write 0, and in memory_buffer_bytes_limit how much of a body may be held in memory";

    /// <summary>The filter.</summary>
    public static FileSystemBufferConfig Filter(HttpFilter filter, FileSystemBufferFilterConfig message, TranslationProblems problems, ConfigPath path)
    {
        var config = new FileSystemBufferConfig(filter.Name, Settings(message.Request, problems, path.Field("request")), Settings(message.Response, problems, path.Field("response")))
        {
            Disabled = filter.Disabled,
        };
        CheckStorageIsSaid(message.Request, config.Request, problems, path.Field("request"));
        CheckStorageIsSaid(message.Response, config.Response, problems, path.Field("response"));
        return config;
    }

    /// <summary>What a route says of it.</summary>
    public static FileSystemBufferRouteSettings Settings(FileSystemBufferFilterConfig message, TranslationProblems problems, ConfigPath path) =>
        new(Settings(message.Request, problems, path.Field("request")), Settings(message.Response, problems, path.Field("response")));

    private static StreamBufferSettings Settings(StreamConfig? message, TranslationProblems problems, ConfigPath path)
    {
        if (message?.StorageBufferBytesLimit > 0)
        {
            problems.Add(path.Field("storage_buffer_bytes_limit"), "nothing is written to disks here", Remedy);
        }

        return new StreamBufferSettings(
            message?.Behavior is { } behavior ? Behavior(behavior) : null,
            message?.MemoryBufferBytesLimit is { } bytes ? (int)Math.Min(bytes, int.MaxValue) : null);
    }

    /// <summary>Envoy writes 32 MiB of each body to a disk where nobody says otherwise, which longer bodies would count on.</summary>
    private static void CheckStorageIsSaid(StreamConfig? message, StreamBufferSettings settings, TranslationProblems problems, ConfigPath path)
    {
        if (settings.Behavior is >= BufferBehavior.InjectContentLengthIfNecessary && message is { StorageBufferBytesLimit: null })
        {
            problems.Add(path, "storage_buffer_bytes_limit is 32 MiB where it is left out, and nothing is written to disks here", Remedy);
        }
    }

    private static BufferBehavior Behavior(BehaviorMessage message) => message.BehaviorCase switch
    {
        BehaviorMessage.BehaviorOneofCase.Bypass => BufferBehavior.Bypass,
        BehaviorMessage.BehaviorOneofCase.InjectContentLengthIfNecessary => BufferBehavior.InjectContentLengthIfNecessary,
        BehaviorMessage.BehaviorOneofCase.FullyBufferAndAlwaysInjectContentLength => BufferBehavior.FullyBufferAndAlwaysInjectContentLength,
        BehaviorMessage.BehaviorOneofCase.FullyBuffer => BufferBehavior.FullyBuffer,
        _ => BufferBehavior.StreamWhenPossible,
    };
}
