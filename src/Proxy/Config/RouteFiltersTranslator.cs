using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Buffer.V3;
using Envoy.Extensions.Filters.Http.FileSystemBuffer.V3;
using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns what routes say of HTTP filters (<c>typed_per_filter_config</c>) into records.</summary>
internal static class RouteFiltersTranslator
{
    public static ImmutableArray<RouteFilterConfig> Translate(MapField<string, Any> message, TranslationProblems problems, ConfigPath path) =>
        message.Count == 0 ? [] : [.. message.Select(entry => Translate(entry.Key, entry.Value, problems, path.Field("typed_per_filter_config").Key(entry.Key))).OfType<RouteFilterConfig>()];

    private static RouteFilterConfig? Translate(string filter, Any any, TranslationProblems problems, ConfigPath path)
    {
        if (!any.TryUnpack<FilterConfig>(out var wrapper))
        {
            return Settings(any, isOptional: false, problems, path) is { } only ? new RouteFilterConfig(filter, Disabled: false, only) : null;
        }

        if (wrapper.Disabled || wrapper.Config is null)
        {
            return new RouteFilterConfig(filter, wrapper.Disabled, null);
        }

        var settings = Settings(wrapper.Config, wrapper.IsOptional, problems, path.Field("config"));
        return settings is null ? null : new RouteFilterConfig(filter, Disabled: false, settings);
    }

    /// <summary>The settings of a filter for a route; null where they are not known, which is a fault only where they may not be left out.</summary>
    private static RouteFilterSettings? Settings(Any any, bool isOptional, TranslationProblems problems, ConfigPath path)
    {
        if (any.TryUnpack<BufferPerRoute>(out var buffer))
        {
            return HttpFiltersTranslator.BufferSettings(buffer);
        }

        if (any.TryUnpack<StatefulSessionPerRoute>(out var session))
        {
            return StatefulSessionTranslator.Settings(session, problems, path);
        }

        if (any.TryUnpack<FileSystemBufferFilterConfig>(out var fileSystemBuffer))
        {
            return FileSystemBufferTranslator.Settings(fileSystemBuffer, problems, path);
        }

        // Control planes speak of filters to whoever may have them. One that does not exist here is refused where it stands in a connection manager.
        if (!isOptional && XdsTypes.Find(any.TypeUrl) is null)
        {
            problems.Add(new ConfigProblem(ConfigProblemKind.NotActedOn, path, $"no filter here has settings of type \"{any.TypeUrl}\"", "remove it"));
        }

        return null;
    }
}
