using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using KubeProxyNet.Proxy.Observability.Stats;
using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>
/// <c>/config_dump</c> as Envoy's <c>admin.v3.ConfigDump</c>. <c>?resource=FIELD</c> shows the elements of one list, <c>?name_regex=</c>
/// those whose whole name matches, <c>?include_eds</c> the endpoints too.
/// </summary>
internal sealed class ConfigDumpPage(IAdminSource source)
{
    private const string TypePrefix = "type.googleapis.com/envoy.admin.v3.";

    private static readonly Section[] Sections =
    [
        new("ClustersConfigDump", "cluster", "static_clusters", "StaticCluster", "dynamic_active_clusters", "DynamicCluster", dump => dump.Clusters),
        new("EndpointsConfigDump", "endpoint_config", "static_endpoint_configs", "StaticEndpointConfig", "dynamic_endpoint_configs",
            "DynamicEndpointConfig", dump => dump.Endpoints),
        new("ListenersConfigDump", "listener", "static_listeners", "StaticListener", "dynamic_listeners", "DynamicListener", dump => dump.Listeners),
        new("RoutesConfigDump", "route_config", "static_route_configs", "StaticRouteConfig", "dynamic_route_configs", "DynamicRouteConfig",
            dump => dump.Routes),
        new("SecretsConfigDump", "secret", "static_secrets", "StaticSecret", "dynamic_active_secrets", "DynamicSecret", dump => dump.Secrets)
        {
            WarmingField = "dynamic_warming_secrets",
        },
    ];

    internal AdminEndpoint Endpoint => new(
        "/config_dump", "the configuration in use; ?resource=dynamic_listeners ?name_regex=REGEX ?include_eds", Changes: false, Show);

    private AdminReply Show(IQueryCollection query)
    {
        if (query.ContainsKey("mask"))
        {
            return AdminReply.Text("mask is not supported; use resource=FIELD or name_regex=REGEX\n", 400);
        }

        var regex = query["name_regex"].ToString();
        if (!StatFilter.TryParse(regex.Length == 0 ? null : $"^(?:{regex})$", usedOnly: false, out var filter, out var error))
        {
            return AdminReply.Text($"name_regex: {error}\n", 400);
        }

        var field = query["resource"].ToString();
        if (field.Length == 0)
        {
            return AdminReply.Json(json => WriteAll(json, filter.Pattern, query.ContainsKey("include_eds")));
        }

        if (field != "bootstrap" && !Sections.Any(section => section.Has(field)))
        {
            var known = string.Join(", ", Sections.SelectMany(static section => new[] { section.StaticField, section.DynamicField, section.WarmingField }.OfType<string>()));
            return AdminReply.Text($"resource={field} is not known; use one of bootstrap, {known}\n", 404);
        }

        return AdminReply.Json(json => WriteOne(json, field, filter.Pattern));
    }

    private void WriteAll(Utf8JsonWriter json, Regex? names, bool withEndpoints)
    {
        var dump = source.GetConfigDump();
        var messages = new MessageJson(source.TypeRegistry);
        json.WriteStartObject();
        json.WriteStartArray("configs");
        if (dump.Bootstrap is { Message: { } bootstrap })
        {
            json.WriteStartObject();
            json.WriteString("@type", TypePrefix + "BootstrapConfigDump");
            json.WritePropertyName("bootstrap");
            messages.Write(bootstrap, json);
            WriteTime(json, "last_updated", dump.Bootstrap.LastUpdated);
            json.WriteEndObject();
        }

        foreach (var section in Sections.Where(section => withEndpoints || section.Type != "EndpointsConfigDump"))
        {
            var resources = section.Resources(dump).Where(resource => Matches(names, resource)).ToList();
            json.WriteStartObject();
            json.WriteString("@type", TypePrefix + section.Type);
            WriteList(json, section, section.StaticField, resources, messages);
            WriteList(json, section, section.DynamicField, resources, messages);
            if (section.WarmingField is { } warming)
            {
                WriteList(json, section, warming, resources, messages);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteOne(Utf8JsonWriter json, string field, Regex? names)
    {
        var dump = source.GetConfigDump();
        var messages = new MessageJson(source.TypeRegistry);
        json.WriteStartObject();
        json.WriteStartArray("configs");
        if (field == "bootstrap" && dump.Bootstrap is { Message: { } bootstrap })
        {
            messages.Write(bootstrap, json, withType: true);
        }

        foreach (var section in Sections.Where(section => section.Has(field)))
        {
            var type = $"{TypePrefix}{section.Type}.{(field == section.StaticField ? section.StaticType : section.DynamicType)}";
            foreach (var resource in section.Of(field, section.Resources(dump)).Where(resource => Matches(names, resource)))
            {
                WriteResource(json, section, resource, messages, type);
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, Section section, string field, List<DumpedResource> resources, MessageJson messages)
    {
        var shown = section.Of(field, resources).ToList();
        if (shown.Count == 0)
        {
            return;
        }

        json.WriteStartArray(field);
        foreach (var resource in shown)
        {
            WriteResource(json, section, resource, messages, type: null);
        }

        json.WriteEndArray();
    }

    private static void WriteResource(Utf8JsonWriter json, Section section, DumpedResource resource, MessageJson messages, string? type)
    {
        json.WriteStartObject();
        if (type is not null)
        {
            json.WriteString("@type", type);
        }

        // Dynamic listeners and all secrets are named beside the message; the listener's message stands in a state of its own.
        var isDynamicListener = section.MessageField == "listener" && resource.VersionInfo is not null;
        if (isDynamicListener || section.MessageField == "secret")
        {
            json.WriteString("name", resource.Name);
        }

        if (isDynamicListener && resource.Message is not null)
        {
            json.WriteStartObject("active_state");
            WriteState(json, section, resource, messages);
            json.WriteEndObject();
        }
        else if (!isDynamicListener)
        {
            WriteState(json, section, resource, messages);
        }

        if (resource.Rejected is { } rejected)
        {
            json.WriteStartObject("error_state");
            WriteTime(json, "last_update_attempt", rejected.LastUpdateAttempt);
            json.WriteString("details", rejected.Details);
            json.WriteString("version_info", rejected.VersionInfo);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteState(Utf8JsonWriter json, Section section, DumpedResource resource, MessageJson messages)
    {
        if (resource.VersionInfo is not null)
        {
            json.WriteString("version_info", resource.VersionInfo);
        }

        if (resource.Message is not null)
        {
            json.WritePropertyName(section.MessageField);
            messages.Write(resource.Message, json, withType: true);
        }

        WriteTime(json, "last_updated", resource.LastUpdated);
    }

    private static bool Matches(Regex? names, DumpedResource resource) => names is null || names.IsMatch(resource.Name);

    private static void WriteTime(Utf8JsonWriter json, string name, DateTimeOffset time) =>
        json.WriteString(name, time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));

    /// <summary>One message of the dump: its type, the field of the resource in an element, its two lists.</summary>
    private sealed record Section(
        string Type,
        string MessageField,
        string StaticField,
        string StaticType,
        string DynamicField,
        string DynamicType,
        Func<ConfigDump, IReadOnlyList<DumpedResource>> Resources)
    {
        /// <summary>The list of what has not come yet; null where that stands among the others.</summary>
        internal string? WarmingField { get; init; }

        internal bool Has(string field) => field == StaticField || field == DynamicField || field == WarmingField;

        internal IEnumerable<DumpedResource> Of(string field, IEnumerable<DumpedResource> resources) => resources.Where(resource => FieldOf(resource) == field);

        private string FieldOf(DumpedResource resource) => resource.VersionInfo is null ? StaticField
            : resource.Message is null && WarmingField is not null ? WarmingField
            : DynamicField;
    }
}
