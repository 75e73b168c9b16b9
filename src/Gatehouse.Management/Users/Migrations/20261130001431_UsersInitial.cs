using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Gatehouse.Management.Migrations.Users
{
    /// <inheritdoc />
    public partial class UsersInitial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "users",
                columns: table => new
                {
                    id = table.Column<string>(nullable: false),
                    full_name = table.Column<string>(nullable: true),
                    role_names = table.Column<string>(nullable: false),
                    state = table.Column<int>(nullable: false),
                    created_at = table.Column<long>(nullable: false),
                    signed_in_at = table.Column<long>(nullable: true),
                    one_time_step = table.Column<long>(nullable: false),
                    user_name = table.Column<string>(maxLength: 256, nullable: true),
                    normalized_user_name = table.Column<string>(maxLength: 256, nullable: true),
                    email = table.Column<string>(maxLength: 256, nullable: true),
                    normalized_email = table.Column<string>(maxLength: 256, nullable: true),
                    email_confirmed = table.Column<bool>(nullable: false),
                    password_hash = table.Column<string>(nullable: true),
                    security_stamp = table.Column<string>(nullable: true),
                    concurrency_stamp = table.Column<string>(nullable: true),
                    phone_number = table.Column<string>(nullable: true),
                    phone_number_confirmed = table.Column<bool>(nullable: false),
                    two_factor_enabled = table.Column<bool>(nullable: false),
                    lockout_end = table.Column<long>(nullable: true),
                    lockout_enabled = table.Column<bool>(nullable: false),
                    access_failed_count = table.Column<int>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_users", x => x.id);
                }
            );

            migrationBuilder.CreateTable(
                name: "sessions",
                columns: table => new
                {
                    id = table.Column<string>(nullable: false),
                    user_id = table.Column<string>(nullable: false),
                    created_at = table.Column<long>(nullable: false),
                    seen_at = table.Column<long>(nullable: false),
                    expires_at = table.Column<long>(nullable: false),
                    from = table.Column<string>(nullable: false),
                    agent = table.Column<string>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_sessions", x => x.id);
                    table.ForeignKey(
                        name: "FK_sessions_users_user_id",
                        column: x => x.user_id,
                        principalTable: "users",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade
                    );
                }
            );

            migrationBuilder.CreateTable(
                name: "user_links",
                columns: table => new
                {
                    hash = table.Column<byte[]>(nullable: false),
                    user_id = table.Column<string>(nullable: false),
                    created_by = table.Column<string>(nullable: false),
                    expires_at = table.Column<long>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_user_links", x => x.hash);
                    table.ForeignKey(
                        name: "FK_user_links_users_user_id",
                        column: x => x.user_id,
                        principalTable: "users",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade
                    );
                }
            );

            migrationBuilder.CreateTable(
                name: "user_logins",
                columns: table => new
                {
                    login_provider = table.Column<string>(nullable: false),
                    provider_key = table.Column<string>(nullable: false),
                    provider_display_name = table.Column<string>(nullable: true),
                    user_id = table.Column<string>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_user_logins", x => new { x.login_provider, x.provider_key });
                    table.ForeignKey(
                        name: "FK_user_logins_users_user_id",
                        column: x => x.user_id,
                        principalTable: "users",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade
                    );
                }
            );

            migrationBuilder.CreateTable(
                name: "user_passkeys",
                columns: table => new
                {
                    credential_id = table.Column<byte[]>(maxLength: 1024, nullable: false),
                    user_id = table.Column<string>(nullable: true),
                    data = table.Column<string>(nullable: false),
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_user_passkeys", x => x.credential_id);
                    table.ForeignKey(
                        name: "FK_user_passkeys_users_user_id",
                        column: x => x.user_id,
                        principalTable: "users",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade
                    );
                }
            );

            migrationBuilder.CreateTable(
                name: "user_tokens",
                columns: table => new
                {
                    user_id = table.Column<string>(nullable: false),
                    login_provider = table.Column<string>(nullable: false),
                    name = table.Column<string>(nullable: false),
                    value = table.Column<string>(nullable: true),
                },
                constraints: table =>
                {
                    table.PrimaryKey(
                        "PK_user_tokens",
                        x => new
                        {
                            x.user_id,
                            x.login_provider,
                            x.name,
                        }
                    );
                    table.ForeignKey(
                        name: "FK_user_tokens_users_user_id",
                        column: x => x.user_id,
                        principalTable: "users",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade
                    );
                }
            );

            migrationBuilder.CreateIndex(name: "IX_sessions_user_id", table: "sessions", column: "user_id");

            migrationBuilder.CreateIndex(name: "IX_user_links_user_id", table: "user_links", column: "user_id");

            migrationBuilder.CreateIndex(name: "IX_user_logins_user_id", table: "user_logins", column: "user_id");

            migrationBuilder.CreateIndex(name: "IX_user_passkeys_user_id", table: "user_passkeys", column: "user_id");

            migrationBuilder.CreateIndex(name: "EmailIndex", table: "users", column: "normalized_email");

            migrationBuilder.CreateIndex(
                name: "UserNameIndex",
                table: "users",
                column: "normalized_user_name",
                unique: true
            );
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(name: "sessions");

            migrationBuilder.DropTable(name: "user_links");

            migrationBuilder.DropTable(name: "user_logins");

            migrationBuilder.DropTable(name: "user_passkeys");

            migrationBuilder.DropTable(name: "user_tokens");

            migrationBuilder.DropTable(name: "users");
        }
    }
}
