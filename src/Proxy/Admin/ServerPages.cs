using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Proxy.Admin;

/// <summary><c>/ready</c>, <c>/server_info</c> and the commands that change the server's state.</summary>
internal sealed class ServerPages(IAdminSource source, IAdminActions actions)
{
    internal IEnumerable<AdminEndpoint> Endpoints =>
    [
        new("/ready", "LIVE with 200, any other state with 503", Changes: false, _ => Ready()),
        new("/server_info", "version, state, uptime, options and node", Changes: false, _ => AdminReply.Json(WriteServerInfo)),
        new("/drain_listeners", "stop accepting connections; ?graceful lets running requests end", Changes: true, Drain),
        new("/healthcheck/fail", "report DRAINING, so that load balancers turn away", Changes: true, _ => Do(() => actions.FailHealthCheck(true))),
        new("/healthcheck/ok", "undo /healthcheck/fail", Changes: true, _ => Do(() => actions.FailHealthCheck(false))),
        new("/quitquitquit", "end the process as SIGTERM does", Changes: true, _ => Do(actions.Quit)),
        new("/reopen_logs", "open log files anew, after a rotation", Changes: true, _ => Do(actions.ReopenLogs)),
    ];

    private static string Name(ServerState state) => state switch
    {
        ServerState.Live => "LIVE",
        ServerState.Draining => "DRAINING",
        ServerState.PreInitializing => "PRE_INITIALIZING",
        _ => "INITIALIZING",
    };

    private static AdminReply Do(Action action)
    {
        action();
        return AdminReply.Text("OK\n");
    }

    private AdminReply Ready()
    {
        var state = source.State;
        return AdminReply.Text(Name(state) + "\n", state == ServerState.Live ? 200 : 503);
    }

    private AdminReply Drain(IQueryCollection query)
    {
        if (query.ContainsKey("inboundonly"))
        {
            return AdminReply.Text("inboundonly is not supported: listeners have no traffic direction here; leave it out to drain them all\n", 400);
        }

        return Do(() => actions.DrainListeners(query.ContainsKey("graceful")));
    }

    private void WriteServerInfo(Utf8JsonWriter json)
    {
        var uptime = source.Uptime.TotalSeconds.ToString("0", CultureInfo.InvariantCulture) + "s";
        json.WriteStartObject();
        json.WriteString("version", source.Version);
        json.WriteString("state", Name(source.State));
        json.WriteString("uptime_current_epoch", uptime);
        json.WriteString("uptime_all_epochs", uptime);
        json.WriteString("hot_restart_version", "disabled");
        json.WriteStartObject("command_line_options");
        foreach (var (name, value) in source.CommandLineOptions)
        {
            json.WriteString(name, value);
        }

        json.WriteEndObject();
        if (source.Node is { } node)
        {
            json.WritePropertyName("node");
            new MessageJson(source.TypeRegistry).Write(node, json);
        }

        json.WriteEndObject();
    }
}
