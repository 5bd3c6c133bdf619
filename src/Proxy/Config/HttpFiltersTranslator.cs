using System.Collections.Immutable;
using Envoy.Extensions.Filters.Http.Buffer.V3;
using Envoy.Extensions.Filters.Http.FileSystemBuffer.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the HTTP filters of a connection manager into what the engine runs.</summary>
internal static class HttpFiltersTranslator
{
    /// <summary>The filters before the router.</summary>
    /// <param name="message">The connection manager; the checks of the schema have seen that the router stands at its end.</param>
    /// <param name="problems">Where faults go.</param>
    /// <param name="path">Of the connection manager.</param>
    /// <param name="router">The router; null after a fault.</param>
    public static ImmutableArray<HttpFilterConfig> Translate(HttpConnectionManager message, TranslationProblems problems, ConfigPath path, out Router? router)
    {
        var filters = ImmutableArray.CreateBuilder<HttpFilterConfig>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        router = null;
        for (var i = 0; i < message.HttpFilters.Count; i++)
        {
            var filter = message.HttpFilters[i];
            var at = path.Field("http_filters").Index(i);
            if (!names.Add(filter.Name))
            {
                problems.Add(at.Field("name"), $"a filter \"{filter.Name}\" exists already", "give each filter its own name");
            }

            if (filter.TypedConfig is not { } any)
            {
                continue;
            }

            if (any.TryUnpack<Router>(out var found))
            {
                router = filter.Disabled ? router : found;
            }
            else if (Filter(filter, any, problems, at.Field("typed_config")) is { } config)
            {
                filters.Add(config);
            }
        }

        if (router is null)
        {
            problems.Add(path.Field("http_filters"), "the last HTTP filter must be envoy.filters.http.router", "add it");
        }

        return filters.ToImmutable();
    }

    /// <summary>What a route says of the buffer filter.</summary>
    public static BufferRouteSettings BufferSettings(BufferPerRoute message) => new(message.Disabled ? null : Bytes(message.Buffer));

    private static HttpFilterConfig? Filter(HttpFilter filter, Any any, TranslationProblems problems, ConfigPath path)
    {
        if (any.TryUnpack<Envoy.Extensions.Filters.Http.Buffer.V3.Buffer>(out var buffer))
        {
            return new BufferFilterConfig(filter.Name, Bytes(buffer)) { Disabled = filter.Disabled };
        }

        if (any.TryUnpack<Envoy.Extensions.Filters.Http.StatefulSession.V3.StatefulSession>(out var session))
        {
            return StatefulSessionTranslator.Filter(filter, session, problems, path);
        }

        if (any.TryUnpack<FileSystemBufferFilterConfig>(out var fileSystemBuffer))
        {
            return FileSystemBufferTranslator.Filter(filter, fileSystemBuffer, problems, path);
        }

        if (any.TryUnpack<Envoy.Extensions.Filters.Http.GrpcStats.V3.FilterConfig>(out var stats))
        {
            return GrpcFiltersTranslator.Stats(filter, stats, problems, path);
        }

        if (any.TryUnpack<Envoy.Extensions.Filters.Http.GrpcHttp1Bridge.V3.Config>(out var bridge))
        {
            return new GrpcBridgeConfig(filter.Name)
            {
                Disabled = filter.Disabled,
                UpgradesProtobuf = bridge.UpgradeProtobufToGrpc,
                IgnoresQuery = bridge.IgnoreQueryParameters,
            };
        }

        return any.Is(Envoy.Extensions.Filters.Http.GrpcWeb.V3.GrpcWeb.Descriptor) ? new GrpcWebConfig(filter.Name) { Disabled = filter.Disabled } : null;
    }

    private static int Bytes(Envoy.Extensions.Filters.Http.Buffer.V3.Buffer? message) => (int)Math.Min(message?.MaxRequestBytes ?? 0, int.MaxValue);
}
